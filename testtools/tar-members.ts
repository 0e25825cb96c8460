/** Members and sinks for tests of archives. */
import type { TarHeader } from '../src/archive/header.ts';
import { readTar } from '../src/archive/reader.ts';
import { contentOf, type TarMember } from '../src/archive/writer.ts';
import type { ByteSource } from '../src/bytes/stage.ts';

/** A header of a file with usual values. */
export function fileHeader(name: string, sizeBytes: number, others: Partial<TarHeader> = {}): TarHeader {
  return {
    name,
    type: 'file',
    mode: 0o600,
    uid: 999,
    gid: 999,
    sizeBytes,
    mtimeSeconds: 1_700_000_000,
    linkName: '',
    userName: 'postgres',
    groupName: 'postgres',
    ...others,
  };
}

/** A member with content from memory. */
export function fileMember(name: string, content: Uint8Array, others: Partial<TarHeader> = {}): TarMember {
  return { header: fileHeader(name, content.length, others), open: () => contentOf(content) };
}

/** A member as it was read. */
export interface ReadMember {
  readonly header: TarHeader;
  readonly content: Buffer;
}

/** Reads a whole archive. */
export async function readMembers(source: ByteSource): Promise<ReadMember[]> {
  const members: ReadMember[] = [];
  await readTar(source, (header) => {
    const chunks: Buffer[] = [];
    return {
      write: (chunk) => chunks.push(Buffer.from(chunk)),
      end: () => members.push({ header, content: Buffer.concat(chunks) }),
      abort: () => undefined,
    };
  });
  return members;
}
