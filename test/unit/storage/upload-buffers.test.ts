import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../src/config/setting.ts';
import {
  createUploadBuffers,
  openUploadBuffers,
  withMemoryShare,
  type PartBuffer,
} from '../../../src/storage/upload-buffers.ts';

const mib = 1024 * 1024;

describe('the memory of uploads', () => {
  it('gathers bytes into pieces, no more than a part has', async () => {
    const upload = createUploadBuffers(64 * mib).open(5 * mib);
    const part = await upload.part();
    const bytes = Buffer.alloc(6 * mib, 'abcdefg');
    expect(part.append(bytes.subarray(0, 100))).toBe(100);
    expect(part.append(bytes.subarray(100))).toBe(5 * mib - 100);
    expect(part.append(bytes)).toBe(0);
    expect(part.full).toBe(true);
    expect(Buffer.concat(part.chunks).equals(bytes.subarray(0, 5 * mib))).toBe(true);
    part.release();
    expect(part.length).toBe(0);
  });

  it('uses memory again', async () => {
    const upload = createUploadBuffers(64 * mib).open(5 * mib);
    const first = await upload.part();
    first.append(Buffer.from('one'));
    const memory = first.chunks[0]?.buffer;
    first.release();
    first.release();
    const second = await upload.part();
    second.append(Buffer.from('two'));
    expect(second.chunks[0]?.buffer).toBe(memory);
  });

  it('makes smaller parts when many uploads share a limit, and none below 5 MiB', () => {
    const buffers = createUploadBuffers(128 * mib);
    const sizes = Array.from({ length: 16 }, () => buffers.open(20 * mib).partBytes / mib);
    expect(sizes.slice(0, 4)).toEqual([20, 20, 20, 16]);
    expect(sizes.at(-1)).toBe(5);
    expect(createUploadBuffers(10 * mib).open(1 * mib).partBytes).toBe(mib);
  });

  it('makes further parts wait until there is room, in their order', async () => {
    const upload = createUploadBuffers(20 * mib).open(10 * mib);
    const [first, second] = [filled(await upload.part()), filled(await upload.part())];
    const got: number[] = [];
    const third = upload.part().then((part) => (got.push(3), part));
    const fourth = upload.part().then((part) => (got.push(4), part));
    await setImmediate();
    expect(got).toEqual([]);
    second.release();
    await third;
    await setImmediate();
    expect(got).toEqual([3]);
    first.release();
    await fourth;
  });

  it('never makes an upload wait that holds nothing', async () => {
    const buffers = createUploadBuffers(10 * mib);
    const [a, b] = [buffers.open(5 * mib), buffers.open(5 * mib)];
    filled(await a.part());
    const another = filled(await a.part());
    const first = filled(await b.part());
    let got = false;
    const second = b.part().then(() => (got = true));
    another.release();
    await setImmediate();
    expect(got).toBe(false);
    first.release();
    await second;
  });

  it('gives up waiting when it is called off', async () => {
    const upload = createUploadBuffers(10 * mib).open(5 * mib);
    filled(await upload.part());
    filled(await upload.part());
    const controller = new AbortController();
    const waiting = upload.part(controller.signal);
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    await expect(upload.part(controller.signal)).rejects.toBe('enough');
  });

  it('has all memory again when an upload ends with parts in its hands', async () => {
    const buffers = createUploadBuffers(10 * mib);
    const a = buffers.open(5 * mib);
    filled(await a.part());
    filled(await a.part());
    a[Symbol.dispose]();
    a[Symbol.dispose]();
    const b = buffers.open(5 * mib);
    filled(await b.part());
    filled(await b.part());
  });
});

describe('the limit of memory', () => {
  it('is a setting, which threads share', () => {
    expect(openUploadBuffers(rawSettings({})).limitBytes).toBe(64 * mib);
    expect(openUploadBuffers(rawSettings({ WALG_MEMORY_LIMIT: '1gb' })).limitBytes).toBe(1024 * mib);
    expect(withMemoryShare({ A: 'b' }, 4)).toEqual({ A: 'b', WALG_MEMORY_LIMIT: String(16 * mib) });
    expect(withMemoryShare({ WALG_MEMORY_LIMIT: '16mb' }, 16)).toEqual({ WALG_MEMORY_LIMIT: String(10 * mib) });
    expect(() => openUploadBuffers(rawSettings({ WALG_MEMORY_LIMIT: '1mb' }))).toThrow('WALG_MEMORY_LIMIT');
  });
});

function filled(part: PartBuffer): PartBuffer {
  part.append(Buffer.alloc(20 * mib));
  return part;
}
