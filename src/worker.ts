/** The entry of worker threads: which jobs there are, each with its code loaded when the first of its kind comes. */
import { parentPort, workerData } from 'node:worker_threads';
import { openTransport } from './app/transport.ts';
import type { ReencodeObjectJob } from './catalog/copy/reencode-object.ts';
import { rawSettings } from './config/setting.ts';
import type { Transport } from './pipeline/transport.ts';
import type { WorkerStart } from './pipeline/worker-protocol.ts';
import { serveJobs } from './pipeline/worker-thread.ts';
import { silentLogger, type Logger } from './platform/logger.ts';
import type { PushBinlogJob } from './mysql/binlog/push/push-one.ts';
import type { FetchPartJob } from './postgres/backup/fetch-part.ts';
import type { PushPartJob } from './postgres/backup/push-part.ts';
import type { CompareFilesJob } from './postgres/in-place/compare-files.ts';
import type { VerifyPartJob } from './postgres/verify/verify-part.ts';
import type { VerifySegmentJob } from './postgres/verify/verify-segment.ts';
import { targetStorageOf } from './storage/target-storage.ts';

if (parentPort === null) throw new Error('this module runs in worker threads only');

/** The archives that objects are copied from, by their settings and storage. */
const sources = new Map<string, Promise<Transport & AsyncDisposable>>();

function openSource({ source, sourceStorage }: ReencodeObjectJob, logger: Logger): Promise<Transport> {
  const id = JSON.stringify([source, sourceStorage]);
  const options = { logger, warnings: silentLogger, purpose: 'read', target: sourceStorage } as const;
  const opening = sources.get(id) ?? openTransport(rawSettings(source), options);
  sources.set(id, opening);
  return opening;
}

serveJobs(parentPort, workerData as WorkerStart, {
  // The main thread has told what is odd about the settings, and refused what may not be written.
  openTransport(settings, logger) {
    const target = targetStorageOf(settings, undefined);
    return openTransport(settings, { logger, warnings: silentLogger, purpose: 'read', target });
  },
  async close() {
    for (const opening of sources.values()) await (await opening.catch(() => undefined))?.[Symbol.asyncDispose]();
  },
  jobs: {
    async reencodeObject(context, job) {
      const { runReencodeObject } = await import('./catalog/copy/reencode-object.ts');
      const reencoding = job as ReencodeObjectJob;
      return runReencodeObject(context, reencoding, await openSource(reencoding, context.logger));
    },
    async pushPart(context, job) {
      const { runPushPart } = await import('./postgres/backup/push-part.ts');
      return runPushPart(context, job as PushPartJob);
    },
    async pushBinlog(context, job) {
      const { runPushBinlog } = await import('./mysql/binlog/push/push-one.ts');
      return runPushBinlog(context, job as PushBinlogJob);
    },
    async compareFiles(context, job) {
      const { runCompareFiles } = await import('./postgres/in-place/compare-files.ts');
      return runCompareFiles(context, job as CompareFilesJob);
    },
    async verifyPart(context, job) {
      const { runVerifyPart } = await import('./postgres/verify/verify-part.ts');
      return runVerifyPart(context, job as VerifyPartJob);
    },
    async verifySegment(context, job) {
      const { runVerifySegment } = await import('./postgres/verify/verify-segment.ts');
      return runVerifySegment(context, job as VerifySegmentJob);
    },
    async fetchPart(context, job) {
      const { runFetchPart } = await import('./postgres/backup/fetch-part.ts');
      return runFetchPart(context, job as FetchPartJob);
    },
  },
});
