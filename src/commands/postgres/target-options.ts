/** The options that ask for a recovery, and their reading. */
import { parseRecoveryRequest, type RecoveryRequest } from '../../postgres/recovery/target.ts';
import type { Arguments, OptionSpec } from '../command.ts';

/** `--target`, `--target-time` and so on. */
export const targetOptions = {
  'target-time': {
    type: 'string',
    placeholder: 'TIME',
    text: 'Recover to this moment, such as "2026-11-21 14:04:30+01"; without a zone it is local time.',
  },
  'target-lsn': { type: 'string', placeholder: 'LSN', text: 'Recover to this position in the WAL.' },
  'target-name': {
    type: 'string',
    placeholder: 'NAME',
    text: 'Recover to this restore point, the newest of that name.',
  },
  'target-xid': { type: 'string', placeholder: 'XID', text: 'Recover to the end of this transaction.' },
  target: {
    type: 'string',
    placeholder: 'immediate|end',
    text: 'Recover to the end of the backup, or to the end of the archive.',
  },
  'target-timeline': {
    type: 'string',
    placeholder: 'TIMELINE',
    text: 'latest (default), current (the backup’s) or a number. Alone it recovers to the end of the archive.',
  },
  'target-action': {
    type: 'string',
    placeholder: 'ACTION',
    text: 'What the server does at the target: pause (default), promote, shutdown.',
  },
  'target-inclusive': {
    type: 'string',
    placeholder: 'true|false',
    text: 'Stop just after the target (true, default) or just before it.',
  },
} satisfies Readonly<Record<string, OptionSpec>>;

/** What they ask for; undefined when none is given. @throws ArchiverError (kind `usage`) */
export function recoveryRequestOf(options: Arguments['options']): RecoveryRequest | undefined {
  return parseRecoveryRequest({
    target: textOf(options['target']),
    time: textOf(options['target-time']),
    lsn: textOf(options['target-lsn']),
    name: textOf(options['target-name']),
    xid: textOf(options['target-xid']),
    timeline: textOf(options['target-timeline']),
    action: textOf(options['target-action']),
    inclusive: textOf(options['target-inclusive']),
  });
}

/** The value of an option with text. */
export function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
