/** What is noted of segments that were received, besides archiving them: their times, and the blocks that they change. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { recordSegment } from '../changed-blocks/recorder.ts';
import type { LocalFile } from '../../pipeline/local-file.ts';
import { recordWalFile } from '../wal/metadata.ts';

/** What to note. */
export interface ExtrasOptions {
  readonly metadata: 'NOMETADATA' | 'INDIVIDUAL' | 'BULK';
  readonly useWalDelta: boolean;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Notes of one run. Disposing forgets what is not complete: groups of 16 segments that the next run has to begin anew. */
export interface ReceiveExtras extends Disposable {
  /** @throws the storage's error, those of local files */
  note(file: LocalFile): Promise<void>;
}

/** Groups wait in a folder of their own: what a segment changes may be more than memory should hold. */
export function openExtras(options: ExtrasOptions): ReceiveExtras {
  const { metadata, useWalDelta, transport, logger, signal } = options;
  let folder: string | undefined;
  const ownFolder = (): string => (folder ??= mkdtempSync(join(tmpdir(), 'walvault-receive-')));
  return {
    async note(file) {
      if (metadata !== 'NOMETADATA') {
        const { storage } = transport;
        await recordWalFile(file, { mode: metadata, storage, folder: ownFolder(), signal });
      }
      if (useWalDelta) await recordSegment(file, { walDirectory: ownFolder(), transport, logger, signal });
    },
    [Symbol.dispose]() {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
