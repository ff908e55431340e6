/** Help that fits a screen of 80 columns and 24 lines: a line a command, and examples where one command is asked about. */
import type { Argument, Command } from 'commander';

const EVERYWHERE = `
Everywhere: --namespace NAME (default), --postgres URL (DATABASE_URL or PG…),
--rabbitmq URL (AMQP_URL, RABBITMQ_URL), --embedded [FOLDER] instead of both,
--json for scripts, --verbose for more log and where errors come from.`;

const EXIT_CODES = `
Exit codes: 0 done, 1 run failed or cancelled or worker in error, 2 bad input,
3 no connection, 4 no such run or workflow, 5 refused (ended, or the id taken).`;

/** Set before commands are added: they inherit it. */
export function withShortHelp(program: Command): Command {
  return program
    .usage('<command>: durable workflows on RabbitMQ and Postgres')
    .helpOption('-h, --help', 'show this')
    .addHelpText('after', EVERYWHERE + EXIT_CODES)
    .configureHelp({
      visibleOptions: (command) => (command.parent === null ? [] : command.options.filter(({ hidden }) => !hidden)),
      visibleCommands: (command) => command.commands.filter((one) => one.name() !== 'help'),
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(termOf)].join(' '),
      subcommandDescription: (command) => command.summary() || command.description(),
    });
}

/** Shown below a command's own help, each beginning with `baton`. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n\nEverywhere: --namespace, --postgres, --rabbitmq, --embedded, --json, --verbose;\nsee baton --help.`;
}

function termOf(argument: Argument): string {
  const term = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${term}>` : `[${term}]`;
}
