/** The upload of an object that is longer than one segment. */
import type { PartReader } from '../part-reader.ts';
import type { Key } from '../storage.ts';
import type { PartBuffer, UploadMemory } from '../upload-buffers.ts';
import type { Segment } from './large-object.ts';
import type { MakeOptions } from './object-requests.ts';
import { makeOfSegments, type SegmentFolder } from './object-of-segments.ts';
import type { SwiftRequests } from './requests.ts';
import { putSegment } from './segment-store.ts';
import { segmentName } from './segment-names.ts';

/** Where the bytes come from, and what is to become of them. */
export interface SegmentUpload {
  /** Stands behind the first part. */
  readonly reader: PartReader;
  readonly memory: UploadMemory;
  readonly first: PartBuffer;
  /** Calls off everything; aborted by this when a segment fails. */
  readonly controller: AbortController;
  readonly make: MakeOptions;
}

/** Sends segments side by side and makes an object of them. @throws as {@link makeOfSegments}; errors of the body as they are */
export async function writeSegments(requests: SwiftRequests, key: Key, upload: SegmentUpload): Promise<void> {
  await makeOfSegments(requests, key, upload.make, (to) => sendSegments(requests, key, upload, to));
}

async function sendSegments(
  requests: SwiftRequests,
  key: Key,
  { reader, memory, first, controller }: SegmentUpload,
  { folder, places }: SegmentFolder,
): Promise<readonly Segment[]> {
  const { signal } = controller;
  const { segmentConcurrency, segmentContainer } = requests.config;
  const segments: Segment[] = [];
  const running = new Set<Promise<void>>();

  async function send(part: PartBuffer, number: number, name: string): Promise<void> {
    try {
      segments[number] = await putSegment(requests, { key, name, body: part.chunks, signal });
    } catch (error) {
      // Ends the others, and the wait for the body. Of several failures the first one counts.
      controller.abort(error);
    } finally {
      part.release();
    }
  }

  try {
    for (let part = first; ;) {
      const number = places.length;
      const name = segmentName(folder, number);
      places.push({ container: segmentContainer, name });
      const job = send(part, number, name);
      running.add(job);
      void job.then(() => running.delete(job));
      if (await reader.atEnd()) break;
      while (running.size >= segmentConcurrency) await Promise.race(running);
      part = await memory.part(signal);
      await reader.fill(part);
    }
  } catch (error) {
    controller.abort(error);
  }
  await Promise.all(running);
  signal.throwIfAborted();
  return segments;
}
