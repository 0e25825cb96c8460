/** The `backup_manifest` of PostgreSQL as a member of a tar part. */
import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownFileHeader } from '../../archive/header.ts';
import type { TarMember } from '../../archive/writer.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import type { Clock } from '../../platform/clock.ts';

const name = 'backup_manifest';

/**
 * Gives the member to `use`, which may open it several times. Until then the bytes are kept on disk, in the folder for
 * temporary files: a header tells the length first, and a manifest has a line for every file.
 */
export async function withManifestMember(
  bytes: ByteSource,
  clock: Pick<Clock, 'now'>,
  use: (member: TarMember) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'walvault-'));
  try {
    const path = join(folder, name);
    const sizeBytes = await spool(bytes, path);
    await use({
      header: ownFileHeader(name, sizeBytes, Math.trunc(clock.now().getTime() / 1000)),
      open() {
        const fd = openSync(path, 'r');
        return {
          read: (target) => readSync(fd, target),
          close: () => {
            closeSync(fd);
          },
        };
      },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function spool(bytes: ByteSource, path: string): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of bytes) await file.appendFile(chunk);
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}
