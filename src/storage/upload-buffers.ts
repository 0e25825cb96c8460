/**
 * The memory that uploads hold: parts of objects whose length nobody knows, kept until the storage has them so that each
 * can be sent again. All uploads of a process share one limit. None ever waits for its first part, so that streams which
 * wait for one another (a copy to two storages, a stream cut into several) cannot stop each other for good.
 */
import { byteSize } from '../config/parsers.ts';
import { rawSettings, readSetting, setting, type RawSettings } from '../config/setting.ts';

const mib = 1024 * 1024;
const slabBytes = mib;
/** What S3 takes as the smallest part; smaller ones cost too many requests elsewhere. */
const smallestPart = 5 * mib;
const smallestLimit = 2 * smallestPart;

/** Of everything that uploads. */
export const memorySettings = {
  limit: setting(
    'WALG_MEMORY_LIMIT',
    byteSize({ min: smallestLimit }),
    '64mb',
    'Memory for parts of objects that are being uploaded, all together: a number of bytes, or with kb, mb, gb. Parts become smaller and fewer at once to keep to it; the program itself comes on top.',
    { unit: 'bytes' },
  ),
};

/** The limit, and the uploads that share it. */
export interface UploadBuffers {
  readonly limitBytes: number;
  /**
   * Begins an upload. Dispose of it when it has ended: what it still holds is free then.
   *
   * @param partBytes the size of parts that its storage would choose
   */
  open(partBytes: number): UploadMemory;
}

/** The memory of one upload. */
export interface UploadMemory extends Disposable {
  /** The size of its parts: what was asked for, or less when the limit is tight or many uploads share it; at least 5 MiB unless less was asked for. */
  readonly partBytes: number;
  /**
   * Gives memory for a part: at once when this upload holds none, otherwise when so much of the limit is free.
   *
   * @param sizeBytes at most so much will be put in; default `partBytes`
   */
  part(signal?: AbortSignal, sizeBytes?: number): Promise<PartBuffer>;
}

/** A part being gathered or sent. */
export interface PartBuffer {
  readonly length: number;
  readonly full: boolean;
  /** What was put in, as pieces; valid until `release`. */
  readonly chunks: readonly Uint8Array[];
  /** Copies as much of the bytes as there is room for. @returns how many */
  append(bytes: Uint8Array): number;
  /** Gives the memory back; again does nothing. */
  release(): void;
}

/** Opens the memory for uploads with the limit that the settings name. @throws SettingError */
export function openUploadBuffers(raw: RawSettings): UploadBuffers {
  return createUploadBuffers(readSetting(memorySettings.limit, raw));
}

/** The same settings for one of several threads that run side by side, each with its share of the limit. */
export function withMemoryShare(
  environment: Readonly<Record<string, string>>,
  threads: number,
): Readonly<Record<string, string>> {
  const limit = readSetting(memorySettings.limit, rawSettings(environment));
  const share = Math.max(smallestLimit, Math.floor(limit / Math.max(1, threads)));
  return { ...environment, [memorySettings.limit.env]: String(share) };
}

/** Opens memory for uploads. */
export function createUploadBuffers(limitBytes: number): UploadBuffers {
  const free: Uint8Array[] = [];
  const waiting = new Set<() => void>();
  let uploads = 0;
  let usedBytes = 0;

  function released(bytes: number): void {
    usedBytes -= bytes;
    // In the order in which they came; each looks for itself whether there is enough now.
    for (const look of [...waiting]) look();
  }

  function open(wanted: number): UploadMemory {
    uploads += 1;
    const share = Math.floor(limitBytes / (2 * uploads));
    const partBytes = Math.min(wanted, Math.max(smallestPart, share));
    const held = new Set<PartBuffer>();
    let open = true;

    function take(sizeBytes: number): PartBuffer {
      const slabs: Uint8Array[] = [];
      // The first part is charged as it grows: most objects are small, and would make others wait for nothing.
      let charged = held.size === 0 ? 0 : sizeBytes;
      let length = 0;
      usedBytes += charged;
      const part: PartBuffer = {
        get length() {
          return length;
        },
        get full() {
          return length >= sizeBytes;
        },
        get chunks() {
          return slabs.map((slab, index) => slab.subarray(0, Math.min(slabBytes, length - index * slabBytes)));
        },
        append(bytes) {
          const size = Math.min(bytes.length, sizeBytes - length);
          for (let done = 0; done < size;) {
            const at = length % slabBytes;
            if (at === 0) slabs.push(free.pop() ?? Buffer.allocUnsafeSlow(slabBytes));
            const slab = slabs.at(-1);
            if (slab === undefined) break;
            const piece = Math.min(size - done, slabBytes - at);
            slab.set(bytes.subarray(done, done + piece), at);
            done += piece;
            length += piece;
          }
          const used = Math.min(sizeBytes, slabs.length * slabBytes);
          if (used > charged) {
            usedBytes += used - charged;
            charged = used;
          }
          return size;
        },
        release() {
          if (!held.delete(part)) return;
          // Beyond the limit, memory goes back to the system.
          for (const slab of slabs.splice(0)) if (free.length * slabBytes < limitBytes) free.push(slab);
          length = 0;
          released(charged);
        },
      };
      held.add(part);
      return part;
    }

    return {
      partBytes,
      async part(signal, sizeBytes = partBytes) {
        signal?.throwIfAborted();
        const fits = (): boolean => held.size === 0 || usedBytes + sizeBytes <= limitBytes;
        if (!fits()) {
          const part = await new Promise<PartBuffer | undefined>((resolve) => {
            const stop = (): void => {
              waiting.delete(look);
              signal?.removeEventListener('abort', aborted);
            };
            const look = (): void => {
              if (!fits()) return;
              stop();
              resolve(take(sizeBytes));
            };
            const aborted = (): void => {
              stop();
              resolve(undefined);
            };
            waiting.add(look);
            signal?.addEventListener('abort', aborted, { once: true });
          });
          signal?.throwIfAborted();
          if (part !== undefined) return part;
        }
        return take(sizeBytes);
      },
      [Symbol.dispose]() {
        if (!open) return;
        open = false;
        uploads -= 1;
        for (const part of [...held]) part.release();
        if (uploads === 0) free.length = 0;
      },
    };
  }

  return { limitBytes, open };
}
