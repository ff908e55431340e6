/** `baton doctor [RUN]` */
import type { Command } from 'commander';
import { diagnosisLines } from '../doctor/diagnosis-lines.js';
import { FAILED, OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { jsonLine } from '../json.js';
import { print, type Run, type SharedOptions, withBaton } from '../session.js';
import { lookOf } from '../terminal.js';

export function addDoctor(program: Command, run: Run): void {
  program
    .command('doctor [run]')
    .description('say why a run is not moving, or nothing is; exit code 1 where something is wrong')
    .summary('say why a run, or everything, stands still')
    .addHelpText('after', examples('baton doctor', 'baton doctor A-1'))
    .action(
      run<[string], SharedOptions>((io, options, id) =>
        withBaton(options, io, async (baton) => {
          const diagnosis = await baton.diagnose(id);
          if (options.json) print(io, jsonLine(diagnosis));
          else for (const line of diagnosisLines(diagnosis, lookOf(io))) print(io, line);
          return diagnosis.troubles.length === 0 ? OK : FAILED;
        }),
      ),
    );
}
