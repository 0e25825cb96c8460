/** Writing objects: short ones by one request, others as segments side by side, which a list then makes an object. */
import { randomBytes } from 'node:crypto';
import type { ByteSource } from '../../bytes/stage.ts';
import { openPartReader } from '../part-reader.ts';
import type { Key, WriteOptions } from '../storage.ts';
import type { UploadBuffers } from '../upload-buffers.ts';
import { madeOnce } from './made-once.ts';
import { putObject, type MakeOptions } from './object-requests.ts';
import type { SwiftRequests } from './requests.ts';

/**
 * Writes an object.
 *
 * @throws ObjectExistsError with `ifAbsent`, the other errors of storages; errors of the body as they are
 */
export async function writeObject(
  requests: SwiftRequests,
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
    using memory = buffers.open(requests.config.segmentBytes);
    const first = await memory.part(controller.signal);
    await reader.fill(first);
    if (await reader.atEnd()) {
      controller.signal.throwIfAborted();
      await madeOnce(requests, key, make, () => putObject(requests, key, first.chunks, make));
      return;
    }
    const { writeSegments } = await import('./segment-upload.ts');
    await writeSegments(requests, key, { reader, memory, first, controller, make });
  } finally {
    signal?.removeEventListener('abort', callOff);
  }
}
