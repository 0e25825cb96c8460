/**
 * Commands of the settings as texts for the shell: which backup program they run, and where arguments of ours go, so that
 * pipelines, redirections and lists around it stay what they are. No shell grammar beyond words and operators.
 */
import { ArchiverError } from '../../errors.ts';

/** A word or an operator of a command, and where it stands. */
interface Token {
  readonly kind: 'word' | 'control' | 'redirection';
  /** Without quotes. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const backupPrograms = /^(?:xtrabackup|mariabackup|mariadb-backup|innobackupex)(?:$|[-_.\d])/;
const mariadbPrograms = /^(?:mariabackup|mariadb-backup)/;
const unpackPrograms = /^(?:xbstream|mbstream)$/;

/** Whether the command makes a backup of XtraBackup or its kin, as far as its text tells. */
export function isXtrabackupCommand(command: string): boolean {
  return /xtrabackup|xbstream|mariabackup|mariadb-backup|mbstream/.test(command);
}

/** Whether it runs mariadb-backup, which has other options than XtraBackup. */
export function isMariadbBackupCommand(command: string): boolean {
  return programOf(splitWords(command), mariadbPrograms) !== undefined;
}

/** Whether it runs xbstream or mbstream. */
export function isUnpackCommand(command: string): boolean {
  return programOf(splitWords(command), unpackPrograms) !== undefined;
}

/** Whether an option is given in it, with a value or without. */
export function hasOption(command: string, option: string): boolean {
  return splitWords(command).some(({ text }) => text === option || text.startsWith(`${option}=`));
}

/** The value of an option of the backup program (`--target-dir=/x` or `--target-dir /x`). */
export function optionOf(command: string, option: string): string | undefined {
  const words = splitWords(command);
  const at = words.findIndex(({ text }) => text === option || text.startsWith(`${option}=`));
  const word = words[at]?.text;
  if (word === undefined) return undefined;
  return word === option ? words[at + 1]?.text : word.slice(option.length + 1);
}

/**
 * Adds arguments to the backup program that the command runs. When it is not seen there (a script does it), they go to the
 * end of the text, as WAL-G has them; but not to xbstream, which would not know them.
 */
export function withArguments(command: string, args: readonly string[]): string {
  if (args.length === 0) return command;
  const tokens = splitWords(command);
  const program = programOf(tokens, backupPrograms);
  const added = ` ${args.map(quoteWord).join(' ')}`;
  if (program === undefined) return isUnpackCommand(command) ? command : command.trimEnd() + added;
  let end = program;
  for (let at = program; tokens[at] !== undefined && tokens[at]?.kind !== 'control'; at++) end = at;
  const position = tokens[end]?.end ?? command.length;
  return command.slice(0, position) + added + command.slice(position);
}

/**
 * The directory that a restore command unpacks to: that of `-C`, else its last word.
 *
 * @returns undefined when that is an option, or there is none
 */
export function unpackFolderOf(command: string): string | undefined {
  const text = folderToken(command)?.text;
  return text === undefined || text.startsWith('-') ? undefined : text;
}

/** The same command, unpacking elsewhere. @throws ArchiverError (`config`) when it cannot be told what to replace */
export function unpackingTo(command: string, folder: string): string {
  const token = folderToken(command);
  if (token === undefined || token.text.startsWith('-')) {
    throw new ArchiverError('config', 'the restore command does not end with the directory that it unpacks to', {
      hint: 'For increments it is run again for another directory: let WALG_STREAM_RESTORE_COMMAND be like "xbstream -x -C /var/lib/mysql".',
    });
  }
  const changed = command.slice(0, token.start) + quoteWord(folder) + command.slice(token.end);
  if (changed.includes(token.text)) {
    throw new ArchiverError('config', 'the restore command names the directory that it unpacks to more than once', {
      hint: 'For increments it is run again for another directory: name it only once in WALG_STREAM_RESTORE_COMMAND.',
    });
  }
  return changed;
}

function folderToken(command: string): Token | undefined {
  const tokens = splitWords(command);
  const unpack = programOf(tokens, unpackPrograms);
  const rest = unpack === undefined ? [] : tokens.slice(unpack);
  const at = rest.findIndex(
    ({ text }) => text === '-C' || text === '--directory' || /^(?:-C|--directory=)./.test(text),
  );
  const found = rest[at];
  if (found !== undefined) {
    if (found.text === '-C' || found.text === '--directory') return rest[at + 1];
    const prefix = found.text.startsWith('-C') ? 2 : '--directory='.length;
    return { ...found, text: found.text.slice(prefix), start: found.start + prefix };
  }
  // A word that follows nothing is the program itself.
  return tokens.findLast(({ kind }, index) => kind === 'word' && tokens[index - 1]?.kind === 'word');
}

/** Index of the word that is the program; of several the one that is told to do its work. */
function programOf(tokens: readonly Token[], programs: RegExp): number | undefined {
  const found = tokens.flatMap(({ kind, text }, index) =>
    kind === 'word' && !text.startsWith('-') && programs.test(text.slice(text.lastIndexOf('/') + 1)) ? [index] : [],
  );
  const working = found.find((index) => /^--(?:backup|prepare|stream)\b/.test(argumentAfter(tokens, index)));
  return working ?? found[0];
}

function argumentAfter(tokens: readonly Token[], program: number): string {
  for (let at = program + 1; tokens[at] !== undefined && tokens[at]?.kind !== 'control'; at++) {
    const text = tokens[at]?.text ?? '';
    if (/^--(?:backup|prepare|stream)\b/.test(text)) return text;
  }
  return '';
}

function splitWords(command: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < command.length) {
    const rest = command.slice(at);
    const blank = /^(?:[ \t\r]+|\\\n)/.exec(rest) ?? /^#[^\n]*/.exec(rest);
    const redirection = /^(?:&>>?|\d*[<>]+[&|]?)/.exec(rest);
    const control = /^(?:[|&;()\n]+)/.exec(rest);
    if (blank !== null) {
      at += blank[0].length;
    } else if (redirection !== null) {
      tokens.push({ kind: 'redirection', text: redirection[0], start: at, end: at + redirection[0].length });
      at += redirection[0].length;
    } else if (control !== null) {
      tokens.push({ kind: 'control', text: control[0], start: at, end: at + control[0].length });
      at += control[0].length;
    } else {
      const word = readWord(command, at);
      tokens.push(word);
      at = word.end;
    }
  }
  return tokens;
}

function readWord(command: string, start: number): Token {
  let text = '';
  let at = start;
  while (at < command.length) {
    const rest = command.slice(at);
    const piece =
      /^'([^']*)(?:'|$)/.exec(rest) ??
      /^"((?:[^"\\]|\\[^])*)(?:"|$)/.exec(rest) ??
      /^\\([^])/.exec(rest) ??
      /^(\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`)/.exec(rest) ??
      /^([^\s'"\\`|&;()<>])/.exec(rest);
    if (piece === null) break;
    text += piece[1] ?? '';
    at += piece[0].length;
  }
  // A lone quote or backslash in the end: the shell will have something to say about it.
  return { kind: 'word', text, start, end: Math.max(at, start + 1) };
}

function quoteWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
