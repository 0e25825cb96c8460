/**
 * All faults for all requests, once and for good, with all codecs, before all storages whose servers are installed. Names of
 * storages (s3, gcs, azure, swift) and of codecs choose some: `make soak STORAGES="s3 gcs lz4"`. Takes minutes for each pair.
 * Ends with a status of 1 when a promise was not kept.
 */
import { allFaults, runCampaign } from '../fault-campaign.ts';
import { azureStore, gcsStore, s3Store, swiftStore } from '../fault-stores.ts';
import { hasAzurite } from '../services/azurite.ts';
import { hasSeaweedFs } from '../services/seaweedfs.ts';
import { hasSwift } from '../services/swift.ts';

const stores = {
  s3: { installed: hasSeaweedFs, start: s3Store },
  gcs: { installed: () => true, start: gcsStore },
  azure: { installed: hasAzurite, start: azureStore },
  swift: { installed: hasSwift, start: swiftStore },
};
const names = Object.keys(stores) as (keyof typeof stores)[];
const codecs = ['lz4', 'zstd', 'brotli', 'lzma'] as const;

const named = process.argv.slice(2);
const unknown = named.filter((word) => ![...names, ...codecs].some((known) => known === word));
if (unknown.length > 0) throw new Error(`neither a storage nor a codec: ${unknown.join(', ')}`);
const chosen = <T extends string>(all: readonly T[]): readonly T[] => {
  const some = all.filter((one) => named.includes(one));
  return some.length === 0 ? all : some;
};

let [cases, broken] = [0, 0];
for (const name of chosen(names)) {
  const { installed, start } = stores[name];
  if (!installed()) {
    console.log(`${name}: not installed here`);
    continue;
  }
  await using store = await start();
  for (const codec of chosen(codecs)) {
    for (const lasting of ['once', 'onwards'] as const) {
      const began = performance.now();
      const faults = allFaults(store);
      const errands = ['push', 'fetch', 'remove'] as const;
      const report = await runCampaign(store, { errands, faults, lasting, codec, sideBySide: 12 });
      const seconds = ((performance.now() - began) / 1000).toFixed(0);
      console.log(
        `${name}, ${codec}, ${lasting}: ${report.cases} cases, ${report.failed} ended with an error, ` +
          `${report.broken.length} promises not kept, ${seconds} s`,
      );
      for (const line of report.broken) console.log(`  ${line}`);
      cases += report.cases;
      broken += report.broken.length;
    }
  }
}
console.log(`${cases} cases, ${broken} promises not kept`);
// Left alone, Node 24 may go round in CleanupHandles for good when a socket was destroyed in the middle of a write.
process.exit(broken === 0 ? 0 : 1);
