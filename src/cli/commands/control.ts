/** `baton cancel RUN`, `baton pause RUN`, `baton resume RUN`, `baton retry RUN` */
import type { Command } from 'commander';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { type Run, type SharedOptions, say, withBaton } from '../session.js';

interface Options extends SharedOptions {
  readonly reason?: string;
  readonly by?: string;
}

export function addControl(program: Command, run: Run): void {
  const explained = (name: string, summary: string, description: string) =>
    program
      .command(`${name} <run>`)
      .summary(summary)
      .description(description)
      .addHelpText('after', examples(`baton ${name} A-1`, `baton ${name} A-1 --reason 'no stock' --by ann`))
      .option('--reason <text>', 'why; kept with the run')
      .option('--by <who>', 'who; kept with the run');

  explained('cancel', 'end a run', 'end a run: nothing of it starts any more, tasks at work are told to stop').action(
    run<[string], Options>((io, options, id) =>
      withBaton(options, io, async (baton) => {
        await baton.run(id).cancel({ reason: options.reason, by: options.by });
        say(options, io, { id, status: 'cancelled' }, `cancelled ${id}`);
        return OK;
      }),
    ),
  );
  explained('pause', 'let tasks at work finish, start no other', 'let tasks at work finish and start no other').action(
    run<[string], Options>((io, options, id) =>
      withBaton(options, io, async (baton) => {
        await baton.run(id).pause({ reason: options.reason, by: options.by });
        say(options, io, { id, status: 'paused' }, `paused ${id}`);
        return OK;
      }),
    ),
  );
  program
    .command('resume <run>')
    .description('go on with a paused run')
    .addHelpText('after', examples('baton resume A-1'))
    .action(
      run<[string], SharedOptions>((io, options, id) =>
        withBaton(options, io, async (baton) => {
          await baton.run(id).resume();
          say(options, io, { id, status: 'running' }, `resumed ${id}`);
          return OK;
        }),
      ),
    );
  program
    .command('retry <run>')
    .summary('go on with a failed run from the task that failed')
    .description('go on with a failed run from the task that failed; what completed stays')
    .addHelpText('after', examples('baton retry A-1'))
    .action(
      run<[string], SharedOptions>((io, options, id) =>
        withBaton(options, io, async (baton) => {
          await baton.run(id).retry();
          say(options, io, { id, status: 'running' }, `retrying ${id}`);
          return OK;
        }),
      ),
    );
}
