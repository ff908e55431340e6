import { expect, test } from 'vitest';
import { cli } from '../../support/cli-in-memory.js';

const COMMANDS = [
  'dev',
  'worker',
  'start',
  'show',
  'list',
  'result',
  'signal',
  'cancel',
  'pause',
  'resume',
  'retry',
  'doctor',
];

test.each([[], ...[...COMMANDS, 'graph', 'migrate'].map((command) => [command])])(
  'baton %s --help fits a screen of 24 lines and 80 columns, with the prompt below it',
  async (...command) => {
    const { code, stdout } = await cli([...command, '--help']);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThan(24);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    if (command.length > 0) expect(stdout).toMatch(/Examples:\n {2}(\w+ \d+ \| |echo 7 \| )?baton /);
    else for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  },
);
