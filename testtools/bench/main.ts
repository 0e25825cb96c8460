/**
 * `make bench`: walvault against its peers on the same data, codec and disk, in one run. Prints Markdown; whatever comes
 * out is printed. Arguments: any of `wal`, `codecs`, `crypto`, `storages`, `cores`, `backup`, `deltas`,
 * `memory`, `binlogs`, `streams` (default: all).
 */
import { join } from 'node:path';
import { benchBackup } from './backup.ts';
import { benchBinlogs } from './binlogs.ts';
import { startCluster } from './cluster.ts';
import { benchCodecs } from './codecs.ts';
import { benchCores } from './cores.ts';
import { benchCrypto } from './crypto.ts';
import { benchDeltas } from './deltas.ts';
import { benchMemory } from './memory.ts';
import { atMost, print, saveReport } from './report.ts';
import { buildStageProgram } from './stage-program.ts';
import { benchStorages } from './storages.ts';
import { benchStreams } from './streams.ts';
import { benchWal } from './wal.ts';

const parts = [
  'wal',
  'codecs',
  'crypto',
  'storages',
  'cores',
  'backup',
  'deltas',
  'memory',
  'binlogs',
  'streams',
] as const;
type Part = (typeof parts)[number];

const asked = process.argv.slice(2);
const unknown = asked.filter((word) => !parts.some((part) => part === word));
if (unknown.length > 0) {
  process.stderr.write(`no such part of the benchmark: ${unknown.join(' ')}; there are ${parts.join(' ')}\n`);
  process.exit(64);
}
const wants = (...some: readonly Part[]): boolean => asked.length === 0 || some.some((part) => asked.includes(part));

// Scales of pgbench: about 15 MB each.
const cluster = startCluster(wants('memory') ? 5 : 0);
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
process.on('exit', () => {
  cluster.remove();
});
const small = wants('memory') ? benchMemory(cluster, '100 MB') : undefined;
if (wants('wal', 'codecs', 'crypto', 'storages', 'streams')) cluster.grow(65);
if (wants('wal')) benchWal(cluster);
if (wants('codecs', 'crypto')) {
  const stage = await buildStageProgram();
  if (wants('codecs')) benchCodecs(cluster, stage);
  if (wants('crypto')) benchCrypto(cluster, stage);
}
if (wants('storages')) await benchStorages(cluster);
if (wants('streams')) benchStreams(cluster);
if (wants('backup', 'deltas')) cluster.grow(135);
if (wants('backup')) benchBackup(cluster);
if (wants('deltas')) benchDeltas(cluster);
if (wants('cores', 'memory')) cluster.grow(340);
// Many files of 1 GB: with few, what is left for one core at the end is as long as the rest.
if (wants('cores')) benchCores(cluster);
if (wants('binlogs')) await benchBinlogs(join(cluster.folder, 'work'));
if (small !== undefined) {
  const large = benchMemory(cluster, '5 GB');
  print('');
  for (const [name, peakBytes] of large) {
    atMost(`peak memory of ${name}: 5 GB against 100 MB`, peakBytes / (small.get(name) ?? Number.NaN), 1.25);
  }
}
saveReport();
