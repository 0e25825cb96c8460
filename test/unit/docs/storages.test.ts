import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownSettingNames } from '../../../src/app/settings.ts';
import { rawSettings } from '../../../src/config/setting.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { openStorage } from '../../../src/storage/open.ts';

const text = readFileSync(resolve(import.meta.dirname, '..', '..', '..', 'docs', 'storages.md'), 'utf8');

/** The configuration files of the page, by their headings. */
const examples = text
  .split(/^## /m)
  .flatMap((section) =>
    [...section.matchAll(/```json\n(.*?)```/gs)].map(
      (match) => [section.split('\n')[0] ?? '', JSON.parse(match[1] ?? '') as Record<string, string>] as const,
    ),
  );

describe('docs/storages.md', () => {
  it('has a configuration for every storage', () => {
    expect(examples.map(([heading]) => heading)).toEqual([
      ...['AWS S3', 'MinIO', 'Tigris (also on fly.io)', 'Cloudflare R2', 'Backblaze B2', 'Ceph (RADOS Gateway)'],
      ...['Google Cloud Storage', 'Azure Blob Storage', 'OpenStack Swift', 'SFTP', 'A folder'],
    ]);
  });

  it('names settings that exist', () => {
    const named = [...text.matchAll(/`((?:WALG_|AWS_|S3_|GCS_|AZURE_|OS_|ST_|GOSWIFT_|SWIFT_|SSH_)[A-Z0-9_]+)/g)];
    expect(named.length).toBeGreaterThan(50);
    for (const [, name = ''] of named) expect(knownSettingNames().has(name), name).toBe(true);
  });

  it('agrees with docker/README.md on names', () => {
    const docker = readFileSync(resolve(import.meta.dirname, '..', '..', '..', 'docker', 'README.md'), 'utf8');
    const blocks = [...docker.matchAll(/```json\n(.*?)```/gs)].map((match) => JSON.parse(match[1] ?? '') as object);
    expect(blocks.length).toBe(6);
    for (const name of blocks.flatMap(Object.keys)) expect(knownSettingNames().has(name), name).toBe(true);
  });

  it.each(examples)('has one for %s that opens', async (_heading, settings) => {
    for (const name of Object.keys(settings)) expect(knownSettingNames().has(name), name).toBe(true);
    const here = new Map(Object.entries(settings));
    for (const [name, value] of here) {
      if (value === '…') here.set(name, 'a2V5');
      else if (value.startsWith('/mnt/')) here.set(name, tmpdir());
      else if (value.startsWith('/etc/') && !name.startsWith('SSH_')) here.delete(name);
    }
    await using storage = await openStorage(rawSettings(Object.fromEntries(here)), { logger: silentLogger });
    expect(storage.location).not.toBe('');
  });
});
