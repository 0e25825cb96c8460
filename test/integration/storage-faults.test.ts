/** Requests of pushes, fetches and removals meet faults, by a proxy before a real server; `make soak` does all of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allFaults, runCampaign } from '../../testtools/fault-campaign.ts';
import { azureStore, gcsStore, s3Store, swiftStore, type FaultedStore } from '../../testtools/fault-stores.ts';
import { hasAzurite } from '../../testtools/services/azurite.ts';
import { hasSeaweedFs } from '../../testtools/services/seaweedfs.ts';
import { hasSwift } from '../../testtools/services/swift.ts';

/** Of all pairs of request and fault, one in so many is tried: what a minute and a half allows. */
const stores: readonly (readonly [string, boolean, () => Promise<FaultedStore>, number])[] = [
  ['S3, on SeaweedFS', hasSeaweedFs(), s3Store, 5],
  ['Google Cloud Storage, on its stand-in', true, gcsStore, 2],
  ['Azure, on Azurite', hasAzurite(), azureStore, 3],
  ['Swift', hasSwift(), swiftStore, 9],
];

describe.each(stores)('a bad network before %s', { timeout: 400_000 }, (_, installed, start, oneIn) => {
  describe.skipIf(!installed)(installed ? 'does no harm' : '(not installed here)', () => {
    let store: FaultedStore;
    beforeAll(async () => {
      store = await start();
    });
    afterAll(async () => {
      await store[Symbol.asyncDispose]();
    });
    const usual = { errands: ['push', 'fetch', 'remove'], codec: 'lz4', sideBySide: 12 } as const;

    it('when something happens once', async () => {
      const report = await runCampaign(store, { ...usual, faults: allFaults(store), lasting: 'once', oneIn });
      expect(report.broken).toEqual([]);
      expect(report.cases).toBeGreaterThan(40);
    });

    it('when it breaks for good', async () => {
      const faults = { 'cut-request': 'cut-request', 'cut-body': 'cut-body', 'status 503': { status: 503 } } as const;
      const report = await runCampaign(store, { ...usual, faults, lasting: 'onwards', oneIn: Math.min(3, oneIn) });
      expect(report.broken).toEqual([]);
      expect(report.failed).toBeGreaterThan(0);
    });
  });
});
