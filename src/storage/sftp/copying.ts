/** Copying an object: on the server where that can, else over this machine. */
import type { Abortable, Key } from '../storage.ts';
import { chunksOf, openFile } from './download.ts';
import { notFound, pathOf } from './places.ts';
import { closeQuietly, copyPart } from './remote-files.ts';
import { orAborted } from '../or-aborted.ts';
import type { SftpSession } from './session.ts';
import { asking } from './status-error.ts';
import { createObject, fill } from './upload.ts';

/** Small enough for a server to answer within the time for one request. */
const partBytes = 256 * 1024 * 1024;

/** See `Storage.copy`. @param options.aheadBytes at most so many are on their way to the server */
export async function copyObject(
  session: SftpSession,
  from: Key,
  to: Key,
  { signal, aheadBytes }: Abortable & { readonly aheadBytes: number },
): Promise<void> {
  const action = `read "${from}" in ${session.config.location}`;
  const connection = await session.connection(signal);
  const source = await asking(action, async () => {
    const file = await openFile(connection, pathOf(session, from));
    if (file === undefined) throw await notFound(session, connection, from);
    return file;
  });
  try {
    if (from === to) return;
    const { size } = source.stats;
    await createObject(session, to, { signal }, async (target, handle) => {
      if (target !== connection || !connection.supports('copy-data')) {
        await fill(target, handle, chunksOf(source, { action, start: 0, end: size, signal }), { signal, aheadBytes });
        return;
      }
      for (let at = 0; at < size; at += partBytes) {
        const bytes = Math.min(partBytes, size - at);
        await orAborted(copyPart(connection, [source.handle, handle], at, bytes), signal);
      }
    });
  } finally {
    closeQuietly(connection, source.handle);
  }
}
