/** Writing objects: short ones by one request, others as blocks side by side, which a list then makes an object. */
import { randomBytes } from 'node:crypto';
import type { ByteSource } from '../../bytes/stage.ts';
import { ArchiverError } from '../../errors.ts';
import { ObjectExistsError, ObjectNotFoundError } from '../errors.ts';
import { openPartReader, type PartReader } from '../part-reader.ts';
import type { Key, WriteOptions } from '../storage.ts';
import type { PartBuffer, UploadBuffers, UploadMemory } from '../upload-buffers.ts';
import { headBlob, putBlob, putBlock, putBlockList, type MakeOptions } from './blob-requests.ts';
import { blockBytesOf, maxBlocks } from './block-size.ts';
import type { AzureRequests } from './requests.ts';

/**
 * Writes an object. Blocks of an upload that failed stay behind: nobody sees them, and Azure removes them after a week, or
 * when the same object is written. To remove them at once would take an empty object for a moment.
 *
 * @throws ObjectExistsError with `ifAbsent`, the other errors of storages; errors of the body as they are
 */
export async function writeObject(
  requests: AzureRequests,
  key: Key,
  body: ByteSource,
  { buffers, ifAbsent = false, signal }: WriteOptions & { readonly buffers: UploadBuffers },
): Promise<void> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const callOff = (): void => {
    controller.abort(signal?.reason);
  };
  signal?.addEventListener('abort', callOff, { once: true });
  const make: MakeOptions = {
    signal: controller.signal,
    onlyAs: ifAbsent ? randomBytes(16).toString('hex') : undefined,
  };
  try {
    await using reader = openPartReader(body, controller.signal);
    using memory = buffers.open(requests.config.blockBytes);
    const first = await memory.part(controller.signal);
    await reader.fill(first);
    await madeOnce(requests, key, make, async () => {
      if (await reader.atEnd()) {
        controller.signal.throwIfAborted();
        await putBlob(requests, key, first.chunks, make);
      } else {
        if (ifAbsent) await refuseExisting(requests, key, make);
        await writeBlocks(requests, key, { reader, memory, first, controller, make });
      }
    });
  } finally {
    signal?.removeEventListener('abort', callOff);
  }
}

/** An object that is there when it was to be made may be the one that was made, when only the answer got lost. */
async function madeOnce(
  requests: AzureRequests,
  key: Key,
  { onlyAs, signal }: MakeOptions,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ObjectExistsError) || error.cause === undefined || onlyAs === undefined) throw error;
    const { maker } = await headBlob(requests, key, { signal });
    if (maker !== onlyAs) throw error;
  }
}

/** To tell before everything was sent, not only after. */
async function refuseExisting(requests: AzureRequests, key: Key, { signal }: MakeOptions): Promise<void> {
  try {
    await headBlob(requests, key, { signal });
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return;
    throw error;
  }
  throw new ObjectExistsError(key, requests.config.location);
}

async function writeBlocks(
  requests: AzureRequests,
  key: Key,
  upload: {
    readonly reader: PartReader;
    readonly memory: UploadMemory;
    readonly first: PartBuffer;
    readonly controller: AbortController;
    readonly make: MakeOptions;
  },
): Promise<void> {
  const { reader, memory, first, controller, make } = upload;
  const { signal } = controller;
  const { location, maxBlocks: sideBySide } = requests.config;
  const idOf = blockIds();
  const ids: string[] = [];
  const running = new Set<Promise<void>>();

  async function send(part: PartBuffer, id: string): Promise<void> {
    try {
      await putBlock(requests, key, { id, body: part.chunks, signal });
    } catch (error) {
      // Ends the others, and the wait for the body. Of several failures the first one counts.
      controller.abort(error);
    } finally {
      part.release();
    }
  }

  try {
    for (let part = first; ;) {
      const id = idOf(ids.length);
      ids.push(id);
      const job = send(part, id);
      running.add(job);
      void job.then(() => running.delete(job));
      if (await reader.atEnd()) break;
      if (ids.length === maxBlocks) {
        throw new ArchiverError('config', `cannot write "${key}" in ${location}: more than ${maxBlocks} blocks`, {
          hint: 'Set AZURE_BUFFER_SIZE to more.',
        });
      }
      while (running.size >= sideBySide) await Promise.race(running);
      part = await memory.part(signal, blockBytesOf(ids.length, memory.partBytes));
      await reader.fill(part);
    }
  } catch (error) {
    controller.abort(error);
  }
  await Promise.all(running);
  signal.throwIfAborted();
  await putBlockList(requests, key, ids, make);
}

/**
 * Names of blocks, which no other upload of the same object uses. All blocks of an object, also those left behind, must have
 * names of one length: these are as long as those of Azure's library for Go, and so of WAL-G.
 */
function blockIds(): (number: number) => string {
  const start = randomBytes(16);
  return (number) => {
    const id = Buffer.alloc(64);
    start.copy(id);
    id.writeUInt32BE(number, start.length);
    return id.toString('base64');
  };
}
