/** What the exit statuses of a command mean, for its help. */
import type { Command } from '../commands/command.ts';
import { exitStatusOf, type ErrorKind } from '../errors.ts';

/** What may happen to every command; what else may happen to one is declared by it. */
const generalMeanings = {
  unexpected: 'unexpected error, or interrupted',
  usage: 'bad usage',
  config: 'a setting is missing or invalid',
} as const satisfies Readonly<Partial<Record<ErrorKind, string>>>;

/** A table of them, as the program of that name has them. */
export function exitStatuses(command: Command, name: string): string {
  const general = Object.entries(generalMeanings).map(
    ([kind, text]) => [exitStatusOf(kind as ErrorKind), text] as const,
  );
  const meanings = new Map<number, string>([
    [0, 'done'],
    ...general,
    ...Object.entries(command.exitStatuses ?? {}).map(([status, text]) => [Number(status), text] as const),
  ]);
  if (name === 'wal-g') {
    for (const status of meanings.keys()) if (!isOwnStatusOfWalG(status)) meanings.delete(status);
    meanings.set(exitStatusOf('unexpected'), 'any error');
  }
  const lines = [...meanings].sort(([a], [b]) => a - b).map(([status, text]) => `  ${String(status).padEnd(4)}${text}`);
  return ['Exit statuses:', ...lines].join('\n');
}

/** The statuses of all other kinds of errors are 1 under that name, see `statusFor`; above 125 are those of a command's own. */
function isOwnStatusOfWalG(status: number): boolean {
  return status === 0 || status === exitStatusOf('archiveMissing') || status > 125;
}
