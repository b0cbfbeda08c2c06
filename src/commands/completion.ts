/** `completion`: what a shell offers at the tab key, written from the commands and options that there are. */
import { Argument, type Command, type Option } from 'commander';
import type { CommandContext, GlobalOptions, RunAction } from './shared/context.ts';
import { exitCodes } from './shared/exit.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

const examples = `
Examples:
  source <(audit-warehouse completion bash)          in ~/.bashrc
  source <(audit-warehouse completion zsh)           in ~/.zshrc, after compinit
  audit-warehouse completion fish > ~/.config/fish/completions/audit-warehouse.fish`;

export function defineCompletion(program: Command, run: RunAction): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell that is to complete').choices(shells))
    .summary('print what a shell needs to complete commands, options and questions')
    .description(
      'Prints a script that lets a shell complete commands, options, their values and the names of questions.',
    )
    .addHelpText('after', examples)
    .action(
      run(async (context: CommandContext, shell: Shell, options: GlobalOptions) => {
        const [{ allQuestions }, { ownQuestionsOf }] = await Promise.all([
          import('../queries/questions.ts'),
          import('./shared/asking.ts'),
        ]);
        const words = describe(
          program,
          [...allQuestions, ...ownQuestionsOf(context, options)].map(({ name }) => name),
        );
        await context.stdout.writeData(scripts[shell](words));
        return exitCodes.done;
      }),
    );
}

interface Described {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly DescribedOption[];
  /** What may stand there besides options. */
  readonly values: readonly string[];
}

interface DescribedOption {
  readonly flag: string;
  readonly description: string;
  readonly needsValue: boolean;
  readonly choices: readonly string[];
}

function describe(program: Command, questions: readonly string[]): readonly Described[] {
  const general = program.options.filter(isShown).map(describeOption);
  return program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary() || command.description(),
    options: [...optionsOf(command).filter(isShown).map(describeOption), ...general],
    values: [
      ...command.commands.map((inner) => inner.name()),
      ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      ...(command.name() === 'query' ? questions : []),
    ],
  }));
}

/** Those of the commands below it too, each flag once: `job` is completed as one command. */
const optionsOf = (command: Command): Option[] => {
  const all = [command, ...command.commands].flatMap(({ options }) => options);
  return [...new Map(all.map((option) => [option.long, option])).values()];
};

const isShown = ({ hidden, long }: Option): boolean => !hidden && long !== undefined;

const describeOption = ({ long, description, required, argChoices }: Option): DescribedOption => ({
  flag: long!,
  description,
  needsValue: required,
  choices: argChoices ?? [],
});

/** Words that `describe` gives are names and flags: letters, digits and hyphens, which no shell takes for anything else. */
const wordsOf = ({ options, values }: Described): string => [...values, ...options.map(({ flag }) => flag)].join(' ');

/** Lines of a case over `COMMAND OPTION`: what the option may be, and `file` where it may be anything. */
const valueLines = (commands: readonly Described[], act: (words: string) => string, file: string): string =>
  [...commands, beforeCommand(commands)]
    .flatMap(({ name, options }) => {
      const [chosen, free] = [true, false].map((has) =>
        options.filter(({ needsValue, choices }) => needsValue && choices.length > 0 === has),
      );
      return [
        ...chosen!.map(({ flag, choices }) => `    "${name} ${flag}") ${act(choices.join(' '))}; return ;;`),
        ...(free!.length === 0 ? [] : [`    ${free!.map(({ flag }) => `"${name} ${flag}"`).join('|')}) ${file} ;;`]),
      ];
    })
    .join('\n');

/** The options that all commands have may stand before the command too. */
const beforeCommand = ([first, ...others]: readonly Described[]): Described => ({
  name: '',
  summary: '',
  values: [],
  options: first!.options.filter(({ flag }) => others.every(({ options }) => options.some((one) => one.flag === flag))),
});

function bash(commands: readonly Described[]): string {
  const names = commands.map(({ name }) => name);
  return `_audit_warehouse() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in ${names.join('|')}) command=$word; break ;; esac
  done
  case "$command $prev" in
${valueLines(commands, (words) => `COMPREPLY=($(compgen -W "${words}" -- "$cur"))`, 'COMPREPLY=(); return')}
  esac
  case $command in
    '') words="${names.join(' ')} --help --version" ;;
${commands.map((command) => `    ${command.name}) words="${wordsOf(command)}" ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _audit_warehouse audit-warehouse
`;
}

function zsh(commands: readonly Described[]): string {
  const names = commands.map(({ name }) => name);
  return `#compdef audit-warehouse
_audit_warehouse() {
  local command=\${words[(r)(${names.join('|')})]}
  case "$command $words[CURRENT-1]" in
${valueLines(commands, (words) => `compadd -- ${words}`, '_files; return')}
  esac
  case $command in
    '') compadd -- ${names.join(' ')} --help --version ;;
${commands.map((command) => `    ${command.name}) compadd -- ${wordsOf(command)} ;;`).join('\n')}
  esac
  _files
}
compdef _audit_warehouse audit-warehouse
`;
}

function fish(commands: readonly Described[]): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&').replaceAll('\n', ' ')}'`;
  const base = 'complete -c audit-warehouse';
  const lines = commands.flatMap(({ name, summary, options, values }) => [
    `${base} -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...(values.length === 0
      ? []
      : [`${base} -f -n '__fish_seen_subcommand_from ${name}' -a ${quoted(values.join(' '))}`]),
    ...options.map(({ flag, description, needsValue, choices }) => {
      const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : needsValue ? ' -r' : '';
      return `${base} -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}${value} -d ${quoted(description)}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}

const scripts: Readonly<Record<Shell, (commands: readonly Described[]) => string>> = { bash, zsh, fish };
