/** An archive of binary logs in memory, from what is in each. */
import { fromBytes } from '../src/bytes/stage.ts';
import { noneCodec } from '../src/codecs/none.ts';
import { binlogKey } from '../src/mysql/binlog/archive.ts';
import type { RangeRequest } from '../src/mysql/binlog/range/plan.ts';
import type { Transport } from '../src/pipeline/transport.ts';
import { systemClock } from '../src/platform/clock.ts';
import { silentLogger } from '../src/platform/logger.ts';
import { createMemoryStorage } from '../src/storage/memory/memory-storage.ts';
import { makeBinlog, type MadeBinlog, type MadeFile } from './made-binlog-file.ts';

/** What was made. */
export interface MadeBinlogArchive {
  readonly transport: Transport;
  readonly files: Readonly<Record<string, MadeFile>>;
  /** What every request has besides its start and target. */
  readonly request: Omit<RangeRequest, 'since' | 'until'>;
}

/** Stores the binary logs, in the order given. */
export async function makeBinlogArchive(binlogs: Readonly<Record<string, MadeBinlog>>): Promise<MadeBinlogArchive> {
  const storage = createMemoryStorage();
  const transport: Transport = { storage, codec: noneCodec, crypter: undefined };
  const files: Record<string, MadeFile> = {};
  for (const [name, content] of Object.entries(binlogs)) {
    const file = makeBinlog(content);
    files[name] = file;
    await storage.write(binlogKey(name), fromBytes(file.bytes));
  }
  const common = { clock: systemClock, logger: silentLogger, signal: new AbortController().signal };
  return { transport, files, request: { transport, concurrency: 4, ...common } };
}
