import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { archivesInOneStream, archivesInTurn, type ServerArchive } from '../../../../src/postgres/remote/archives.ts';
import type { StreamedMessage } from '../../../../src/postgres/server/streamed-command.ts';

const copy: StreamedMessage = { kind: 'copy' };
const endOfCopy: StreamedMessage = { kind: 'end of copy' };
const data = (text: string): StreamedMessage => ({ kind: 'data', bytes: Buffer.from(text, 'latin1') });

function answering(messages: readonly StreamedMessage[]): () => Promise<StreamedMessage> {
  const left = [...messages];
  return () => {
    const next = left.shift();
    return next === undefined ? Promise.reject(new Error('read on')) : Promise.resolve(next);
  };
}

async function read(archives: AsyncIterable<ServerArchive>): Promise<readonly (readonly [string, string])[]> {
  const found: [string, string][] = [];
  for await (const { content, bytes } of archives) {
    const name = content.kind === 'tablespace' ? content.oid : content.kind;
    found.push([name, (await collect(bytes)).toString()]);
  }
  return found;
}

describe('archives of a server from version 15 on', () => {
  const messages = [
    copy,
    data('n16384.tar\0/mnt/ts\0'),
    data('done '),
    data('p\0\0\0\0\0\0\0\x05'),
    data('dtwo'),
    data('nbase.tar\0\0'),
    data('dthree'),
    data('m'),
    data('d{}'),
    endOfCopy,
  ];

  it('are told apart in the one stream, the manifest too', async () => {
    expect(await read(archivesInOneStream(answering(messages)))).toEqual([
      ['16384', 'one two'],
      ['data directory', 'three'],
      ['manifest', '{}'],
    ]);
  });

  it('may be passed over', async () => {
    const kinds: string[] = [];
    for await (const { content } of archivesInOneStream(answering(messages))) kinds.push(content.kind);
    expect(kinds).toEqual(['tablespace', 'data directory', 'manifest']);
  });

  it.each([
    ['a message of an unknown kind', [copy, data('nbase.tar\0\0'), data('x')]],
    ['bytes of no archive', [copy, data('dabc')]],
    ['an archive of a strange name', [copy, data('n../x.tar\0\0')]],
    ['an empty message', [copy, data('')]],
    ['no stream', [endOfCopy]],
    ['a result in the middle', [copy, data('nbase.tar\0\0'), { kind: 'rows', rows: [] } satisfies StreamedMessage]],
  ])('are refused for %s', async (_, broken) => {
    await expect(read(archivesInOneStream(answering(broken)))).rejects.toMatchObject({ kind: 'corrupt' });
  });
});

describe('archives of a server up to version 14', () => {
  it('are streams in the order of the tablespaces, the manifest last', async () => {
    const messages = [copy, data('a'), data('b'), endOfCopy, copy, data('c'), endOfCopy, copy, data('{}'), endOfCopy];
    const archives = archivesInTurn(answering(messages), ['16384', undefined], { withManifest: true });
    expect(await read(archives)).toEqual([
      ['16384', 'ab'],
      ['data directory', 'c'],
      ['manifest', '{}'],
    ]);
  });

  it('are refused when one is missing', async () => {
    const next = answering([copy, endOfCopy, { kind: 'rows', rows: [] }]);
    await expect(read(archivesInTurn(next, ['1', undefined], { withManifest: false }))).rejects.toMatchObject({
      kind: 'corrupt',
    });
  });
});
