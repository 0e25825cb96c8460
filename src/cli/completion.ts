/** `completion`: scripts for shells. They hold all words, so that a tab starts no program. */
import { defineCommand, type Command } from '../commands/command.ts';
import { commandGroups } from '../commands/index.ts';
import { UsageError } from './usage-error.ts';

/** Makes the command `completion` for the commands that it is to complete. */
export function completionOf(commands: () => Promise<readonly Command[]>): Command {
  return defineCommand({
    name: 'completion',
    summary: 'Print a completion script for bash or zsh.',
    positionals: [{ name: 'shell', text: 'bash or zsh.', required: true }],
    options: {},
    examples: [
      { line: 'walvault completion bash > /etc/bash_completion.d/walvault', text: 'Install it for bash.' },
      { line: 'walvault completion zsh > "${fpath[1]}/_walvault"', text: 'Install it for zsh.' },
    ],
    exitStatuses: { 73: 'standard output cannot be written' },
    async run(app, { positionals: [shell] }) {
      if (shell !== 'bash' && shell !== 'zsh') {
        throw new UsageError(`no completion for shell "${shell ?? ''}"; there is one for bash and zsh`);
      }
      const shown = merged((await commands()).filter((command) => command.hidden !== true));
      await app.print(shell === 'bash' ? bashScript(app.program.name, shown) : zshScript(app.program.name, shown));
      return undefined;
    },
  });
}

/** One command for each name, with the options of all of that name: a script cannot tell which database is meant. */
function merged(commands: readonly Command[]): readonly Command[] {
  const byName = new Map<string, Command>();
  for (const command of commands) {
    const options = { ...byName.get(command.name)?.options, ...command.options };
    byName.set(command.name, { ...command, options });
  }
  return [...byName.values()];
}

const globalOptions = ['--config', '--turbo', '--help'];

function optionsOf(command: Command): readonly string[] {
  return [...Object.keys(command.options).map((name) => `--${name}`), ...globalOptions];
}

/** The words that may follow the words of a group (or, after '', the program's own name), once each. */
function nextWords(group: string, commands: readonly Command[]): readonly string[] {
  const start = group === '' ? '' : `${group} `;
  const names = commands.map(({ name }) => name).filter((name) => name.startsWith(start));
  return [...new Set(names.map((name) => name.slice(start.length).split(' ')[0] ?? ''))];
}

/** The first words of all names of several: `key` of `key check`. */
function groupsOf(commands: readonly Command[]): readonly string[] {
  const groups = commands.flatMap(({ name }) => {
    const words = name.split(' ').slice(0, -1);
    return words.map((_word, index) => words.slice(0, index + 1).join(' '));
  });
  return [...new Set(groups)];
}

/** The longest names first: where one begins with another, the one that fits best is meant. */
function longestFirst(commands: readonly Command[]): readonly Command[] {
  return commands.toSorted((a, b) => b.name.split(' ').length - a.name.split(' ').length);
}

/** The script for bash: commands first, then the options of the command, files everywhere. */
export function bashScript(name: string, commands: readonly Command[]): string {
  const identifier = `_${name.replace(/\W/g, '_')}`;
  const groups = groupsOf(commands).map(
    (group) => `    '${group}') next="${nextWords(group, commands).join(' ')}" ;;\n`,
  );
  const cases = longestFirst(commands).map(
    (command) => `    '${command.name}'|'${command.name} '*) options="${optionsOf(command).join(' ')}" ;;`,
  );
  return `# bash completion for ${name}
${identifier}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[*]:1:COMP_CWORD-1}" next= options
  case "$before" in pg|mysql) before= ;; 'pg '*|'mysql '*) before="\${before#* }" ;; esac
  case "$before" in
    '') next="${nextWords('', commands).join(' ')} pg mysql help --version" ;;
${groups.join('')}  esac
  case "$before" in
${cases.join('\n')}
    *) options="${globalOptions.join(' ')}" ;;
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$next $options" -- "$word")) ;;
    *) if [ -n "$next" ]; then COMPREPLY=($(compgen -W "$next" -- "$word"))
       else COMPREPLY=($(compgen -f -- "$word")); fi ;;
  esac
}
complete -o filenames -F ${identifier} ${name}
`;
}

/** The script for zsh, with what each command and option does. */
export function zshScript(name: string, commands: readonly Command[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const described = (group: string): string =>
    nextWords(group, commands)
      .map((word) => {
        const full = group === '' ? word : `${group} ${word}`;
        const summary = commands.find((command) => command.name === full)?.summary ?? commandGroups.get(full);
        return quoted(summary === undefined ? word : `${word}:${summary}`);
      })
      .join(' ');
  const groups = ['', ...groupsOf(commands)].map((group) => `    ${quoted(group)}) next=(${described(group)}) ;;`);
  const cases = longestFirst(commands).map((command) => {
    const options = Object.entries(command.options).map(([long, { type, text }]) =>
      quoted(`--${long}${type === 'string' ? '=' : ''}[${text.replaceAll(/[[\]:]/g, ' ')}]`),
    );
    const pattern = `${quoted(command.name)}|${quoted(`${command.name} `)}*`;
    return `    ${pattern}) _arguments ${[...options, ...globalOptions.map(quoted), "'*:file:_files'"].join(' ')} ;;`;
  });
  return `#compdef ${name}
_${name.replace(/\W/g, '_')}() {
  local -a next
  local before="\${(j: :)words[2,CURRENT-1]}"
  case "$before" in pg|mysql) before= ;; 'pg '*|'mysql '*) before="\${before#* }" ;; esac
  case "$before" in
${groups.join('\n')}
  esac
  if (( $#next )); then
    _describe command next
    return
  fi
  case "$before" in
${cases.join('\n')}
  esac
}
_${name.replace(/\W/g, '_')} "$@"
`;
}
