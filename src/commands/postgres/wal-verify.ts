import { integer } from '../../config/parsers.ts';
import { readSetting, readSettings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { uploadSettings } from '../../pipeline/settings.ts';
import { checkSegmentSize } from '../../postgres/backup/preflight.ts';
import { parseLsn } from '../../postgres/lsn.ts';
import { findServer } from '../../postgres/server/find-server.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { positionOfServer, positionOfUser, type CurrentPosition } from '../../postgres/wal-report/current-position.ts';
import type { CheckStatus } from '../../postgres/wal-report/integrity.ts';
import { walVerifySettings } from '../../postgres/wal-report/settings.ts';
import { verifyWal, type CheckName, type VerifyResult } from '../../postgres/wal-report/verify.ts';
import { verifyJson } from '../../postgres/wal-report/wal-report-json.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { verifyText } from './wal-report-tables.ts';

const failedStatus = 66;
const warningStatus = 75;

/** `wal-verify`: whether the WAL that recovery to the present needs is archived. It changes nothing. */
export const walVerify = defineCommand({
  name: 'wal-verify',
  summary:
    'Check that no WAL is missing from the oldest backup to now, or that the archive is on the timeline of the server.',
  positionals: [{ name: 'checks', text: 'integrity, timeline, or both.', required: false, repeated: true }],
  options: {
    json: { type: 'boolean', text: 'Print JSON.' },
    timeline: {
      type: 'string',
      placeholder: 'N',
      text: 'The current timeline; with --lsn, and then no server is asked.',
    },
    lsn: { type: 'string', placeholder: 'X/X', text: 'Where the WAL ends now; with --timeline.' },
    'backup-name': {
      type: 'string',
      placeholder: 'NAME',
      text: 'Integrity from this backup on, or from LATEST; default: from the oldest that is not permanent.',
    },
    'without-server': {
      type: 'boolean',
      text: 'Ask no server: what the storage has tells, up to its newest segment. (walvault only)',
    },
    'exit-code': {
      type: 'boolean',
      text: `End with ${failedStatus} after a FAILURE and ${warningStatus} after a WARNING; default: 0. (walvault only)`,
    },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to look at; default: all that are alive.',
    },
  },
  examples: [
    { line: 'wal-verify integrity timeline', text: 'Both, against the running server.' },
    { line: 'wal-verify integrity --json --exit-code', text: 'For a monitor.' },
    { line: 'wal-verify integrity --timeline 2 --lsn 16/B374D848', text: 'As if the server were there.' },
    { line: 'wal-verify integrity --without-server', text: 'On a machine that has only the storage.' },
  ],
  exitStatuses: {
    65: 'the history of the current timeline is damaged',
    [failedStatus]: 'with --exit-code: a check failed; else: the backup is not there, or neither a server nor WAL',
    69: 'storage unavailable, or the server that the settings name',
    73: 'standard output cannot be written',
    [warningStatus]: 'with --exit-code: a check warns, as of segments that may be on their way',
    77: 'storage or server refused, or the key for the history of the timeline is not here',
  },
  async run(app, { positionals, options }) {
    const checks = checksOf(positionals);
    const { logger, clock, signal, settings } = app;
    const position = await currentPosition(app, options);
    const segmentBytes = position?.segmentBytes ?? readSetting(postgresSettings.segmentBytes, settings);
    const transport = await app.transport('read', { target: targetStorageOf(settings, options['target-storage']) });
    const result = await verifyWal(
      { transport, logger, clock, signal },
      {
        checks,
        position: position?.position,
        backup: textOf(options['backup-name']),
        segmentBytes,
        maxDelayed: readSettings(walVerifySettings, settings).maxDelayed,
        maxUploading: readSettings(uploadSettings, settings).concurrency,
      },
    );
    const asJson = options['json'] === true;
    await app.print(asJson ? verifyJson(result, segmentBytes) : verifyText(result, segmentBytes));
    return options['exit-code'] === true ? statusOf(result) : undefined;
  },
});

function checksOf(words: readonly string[]): ReadonlySet<CheckName> {
  const known: readonly CheckName[] = ['integrity', 'timeline'];
  if (words.length === 0) {
    throw new ArchiverError('usage', `at least one of the following checks should be specified: ${known.join(', ')}`);
  }
  return new Set(
    words.map((word) => {
      const check = known.find((name) => name === word);
      if (check === undefined) throw new ArchiverError('usage', `invalid check specified: ${word}`);
      return check;
    }),
  );
}

interface KnownPosition {
  readonly position: CurrentPosition;
  readonly segmentBytes: number;
}

async function currentPosition(app: App, options: Arguments['options']): Promise<KnownPosition | undefined> {
  const { settings, logger, clock, signal } = app;
  const [timeline, lsn] = [textOf(options['timeline']), textOf(options['lsn'])];
  const withoutServer = options['without-server'] === true;
  if ((timeline === undefined) !== (lsn === undefined)) {
    throw new ArchiverError('usage', '--timeline and --lsn are given together, or neither of them');
  }
  if (timeline !== undefined && lsn !== undefined) {
    if (withoutServer) throw new ArchiverError('usage', '--without-server and --lsn exclude each other');
    const { segmentBytes } = readSettings(postgresSettings, settings);
    return { position: positionGiven(timeline, lsn, segmentBytes), segmentBytes };
  }
  const configured = settings.get(postgresSettings.segmentBytes.env) && readSettings(postgresSettings, settings);
  const server = withoutServer ? undefined : await findServer(settings, { logger, clock, signal });
  if (server === undefined) {
    logger.warn(
      'no server was asked: WAL that was never archived cannot be missed, only gaps before the newest segment',
    );
    return undefined;
  }
  await using asked = server;
  checkSegmentSize(configured?.segmentBytes, asked);
  return { position: await positionOfServer(asked), segmentBytes: asked.segmentBytes };
}

function positionGiven(timeline: string, lsn: string, segmentBytes: number): CurrentPosition {
  try {
    return positionOfUser(integer({ min: 1, max: 0xffff_ffff }).parse(timeline), parseLsn(lsn), segmentBytes);
  } catch (error) {
    throw new ArchiverError(
      'usage',
      `--timeline ${timeline} --lsn ${lsn} is no position in the WAL: ${messageOf(error)}`,
      {
        cause: error,
        hint: 'A timeline is a number from 1, an LSN is written as 16/B374D848.',
      },
    );
  }
}

function textOf(option: string | boolean | undefined): string | undefined {
  return typeof option === 'string' ? option : undefined;
}

function statusOf({ integrity, timeline }: VerifyResult): number | undefined {
  const found = new Set<CheckStatus | undefined>([integrity?.status, timeline?.status]);
  if (found.has('FAILURE')) return failedStatus;
  return found.has('WARNING') ? warningStatus : undefined;
}
