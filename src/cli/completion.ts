/** `completion`: scripts for shells. They hold all words, so that a tab starts no program. */
import { defineCommand, type Command } from '../commands/command.ts';
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
      const shown = (await commands()).filter((command) => command.hidden !== true);
      await app.print(shell === 'bash' ? bashScript(app.program.name, shown) : zshScript(app.program.name, shown));
      return undefined;
    },
  });
}

const globalOptions = ['--config', '--turbo', '--help'];

function optionsOf(command: Command): readonly string[] {
  return [...Object.keys(command.options).map((name) => `--${name}`), ...globalOptions];
}

/** The script for bash: commands first, then the options of the command, files everywhere. */
export function bashScript(name: string, commands: readonly Command[]): string {
  const identifier = `_${name.replace(/\W/g, '_')}`;
  return `# bash completion for ${name}
${identifier}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" options
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map((command) => command.name).join(' ')} help --version" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${commands.map((command) => `    ${command.name}) options="${optionsOf(command).join(' ')}" ;;`).join('\n')}
    *) options="${globalOptions.join(' ')}" ;;
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F ${identifier} ${name}
`;
}

/** The script for zsh, with what each command and option does. */
export function zshScript(name: string, commands: readonly Command[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const described = commands.map(({ name: verb, summary }) => quoted(`${verb}:${summary}`)).join(' ');
  const cases = commands.map((command) => {
    const options = Object.entries(command.options).map(([long, { type, text }]) =>
      quoted(`--${long}${type === 'string' ? '=' : ''}[${text.replaceAll(/[[\]:]/g, ' ')}]`),
    );
    return `    ${command.name}) _arguments ${[...options, ...globalOptions.map(quoted), "'*:file:_files'"].join(' ')} ;;`;
  });
  return `#compdef ${name}
_${name.replace(/\W/g, '_')}() {
  local -a commands
  commands=(${described})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "\${words[2]}" in
${cases.join('\n')}
  esac
}
_${name.replace(/\W/g, '_')} "$@"
`;
}
