/** backup-push and xtrabackup-push: runs the create command, with what it takes for an increment, and stores its output. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RawSettings } from '../../config/setting.ts';
import { runProducer } from '../../stream/shell-command.ts';
import type { ServerAccess } from './server-facts.ts';
import { readInfoFolder } from './backup-info.ts';
import { chooseBase, type IncrementBase, type IncrementRequest } from './base.ts';
import { hasOption, isXtrabackupCommand, withArguments } from './command-text.ts';
import { readLineage } from './lineage.ts';
import type { Lineage } from './position-note.ts';
import { pushMysqlStream, type PushedStreamBackup, type StreamPushOptions } from './push.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';

/** What is pushed, and how. */
export interface CommandPushOptions extends Omit<
  StreamPushOptions,
  'source' | 'what' | 'tool' | 'server' | 'base' | 'lineage' | 'readInfoBeside'
> {
  readonly settings: RawSettings;
  /** `WALG_STREAM_CREATE_COMMAND`. */
  readonly command: string;
  readonly access: ServerAccess;
  /** Undefined: a full backup. */
  readonly increment: IncrementRequest | undefined;
  /** Whatever the command looks like, it makes what can have increments. */
  readonly isAlwaysXtrabackup?: boolean;
}

const from = 'WALG_STREAM_CREATE_COMMAND';

interface Begun {
  readonly facts: ServerFacts;
  readonly lineage: Lineage | undefined;
  readonly base: IncrementBase | undefined;
}

/**
 * Pushes a backup: an increment where one is wanted and its base is proven, else a full one.
 *
 * @throws CommandFailedError; as `pushMysqlStream`, `connectServer` and `chooseBase`
 */
export async function pushByCommand(options: CommandPushOptions): Promise<PushedStreamBackup> {
  const { command, access, logger, signal } = options;
  const isXtrabackup = options.isAlwaysXtrabackup === true || isXtrabackupCommand(command);
  const { facts, lineage, base } = await begin(options, isXtrabackup);
  const push = (source: StreamPushOptions['source'], more: Partial<StreamPushOptions> = {}) =>
    pushMysqlStream({
      ...options,
      ...{ source, what: 'the create command', server: { facts, access }, base, lineage },
      tool: isXtrabackup ? 'xtrabackup' : undefined,
      ...more,
    });
  if (!isXtrabackup || hasOption(command, '--extra-lsndir')) {
    const args = base === undefined ? [] : [`--incremental-lsn=${base.lsn}`];
    return await push(runProducer(withArguments(command, args), { from, logger, signal }));
  }
  const folder = await mkdtemp(join(tmpdir(), 'walvault-lsn-'));
  try {
    const args = [`--extra-lsndir=${folder}`, ...(base === undefined ? [] : [`--incremental-lsn=${base.lsn}`])];
    const source = runProducer(withArguments(command, args), { from, logger, signal });
    return await push(source, { readInfoBeside: () => readInfoFolder(folder) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function begin(options: CommandPushOptions, isXtrabackup: boolean): Promise<Begun> {
  const { access, increment, hostname, transport, clock, logger, signal } = options;
  await using server = await access();
  const facts = await readServerFacts(server, logger);
  const lineage = isXtrabackup && facts.flavor === 'mariadb' ? await readLineage(server) : undefined;
  if (increment === undefined) return { facts, lineage, base: undefined };
  const evidence = { server, hostname, lineage };
  const { base, ...choice } = await chooseBase(transport.storage, increment, evidence, { clock, signal });
  if (base === undefined) logger.info('making a full backup', 'reason' in choice ? { reason: choice.reason } : {});
  else logger.info('making an increment', { base: base.name, lsn: base.lsn, steps: base.steps });
  return { facts, lineage, base };
}
