import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../../../src/bytes/stage.ts';
import { openPartReader } from '../../../src/storage/part-reader.ts';
import { createUploadBuffers } from '../../../src/storage/upload-buffers.ts';

const never = new AbortController().signal;

describe('cutting a body into parts', () => {
  it('copies chunks that are lent, across the edges of parts', async () => {
    const memory = createUploadBuffers(64 * 1024 * 1024).open(10);
    const chunk = Buffer.alloc(7);
    async function* body(): ByteSource {
      for (let index = 0; index < 4; index += 1) yield await Promise.resolve(chunk.fill(index));
    }
    await using reader = openPartReader(body(), never);
    const parts: string[] = [];
    while (!(await reader.atEnd())) {
      const part = await memory.part();
      await reader.fill(part);
      parts.push(Buffer.concat(part.chunks).toString('hex'));
      part.release();
    }
    const all = [0, 1, 2, 3].map((value) => Buffer.alloc(7, value).toString('hex')).join('');
    expect(parts).toEqual([all.slice(0, 20), all.slice(20, 40), all.slice(40)]);
  });

  it('closes a body that is not read to its end, and one that is called off', async () => {
    let closed = 0;
    async function* body(): ByteSource {
      try {
        for (;;) yield await Promise.resolve(Buffer.alloc(4));
      } finally {
        closed += 1;
      }
    }
    const controller = new AbortController();
    const memory = createUploadBuffers(64 * 1024 * 1024).open(10);
    const early = openPartReader(body(), controller.signal);
    await early.fill(await memory.part());
    await early[Symbol.asyncDispose]();
    const late = openPartReader(body(), controller.signal);
    expect(await late.atEnd()).toBe(false);
    controller.abort('enough');
    await expect(late.fill(await memory.part())).rejects.toBe('enough');
    await late[Symbol.asyncDispose]();
    expect(closed).toBe(2);
  });

  it('passes errors of the body on and does not close it again', async () => {
    const failure = new Error('broke');
    let returned = 0;
    const body: ByteSource = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(failure),
        return: () => {
          returned += 1;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    const reader = openPartReader(body, never);
    await expect(reader.atEnd()).rejects.toBe(failure);
    await reader[Symbol.asyncDispose]();
    expect(returned).toBe(0);
  });

  it('reads nothing before it is asked', async () => {
    const body: ByteSource = {
      [Symbol.asyncIterator]: () => {
        throw new Error('read');
      },
    };
    await openPartReader(body, never)[Symbol.asyncDispose]();
  });
});
