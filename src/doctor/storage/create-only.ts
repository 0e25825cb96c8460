/** Whether an object can be created without ever replacing one: what keeps two servers from overwriting each other's WAL. */
import { collect, fromBytes } from '../../bytes/stage.ts';
import { ObjectExistsError } from '../../storage/errors.ts';
import { ok, warn, type Check } from '../check.ts';
import type { StorageContext } from './context.ts';

const advice =
  'Give every server a prefix of its own, and let nothing else write there: this storage does not keep an object from being replaced.';

/** One after the other. */
export function checkCreateOnly({ storage, scratch, look }: StorageContext): Promise<Check> {
  return look('create_only', async (signal) => {
    const key = scratch.key('once');
    await storage.write(key, fromBytes(Buffer.from('first')), { signal, ifAbsent: true });
    const outcome = await create(() =>
      storage.write(key, fromBytes(Buffer.from('second')), { signal, ifAbsent: true }),
    );
    const kept = (await collect(await storage.read(key, { signal }), 64)).toString();
    if (outcome === 'exists' && kept === 'first')
      return ok('an object that is there is not replaced by a create-only write');
    return warn('a create-only write replaced an object that was there', advice, { atomic: false });
  });
}

const racers = 4;

/** Several at once: exactly one may win. */
export function checkConcurrentCreation({ storage, scratch, look }: StorageContext): Promise<Check> {
  return look('create_only_concurrent', async (signal) => {
    const key = scratch.key('race');
    const names = Array.from({ length: racers }, (_one, index) => `writer ${index}`);
    const settled = await Promise.allSettled(
      names.map((name) => create(() => storage.write(key, fromBytes(Buffer.from(name)), { signal, ifAbsent: true }))),
    );
    const winners = names.filter((_name, index) => {
      const one = settled[index];
      return one?.status === 'fulfilled' && one.value === 'created';
    });
    const refused = settled.find((one) => one.status === 'rejected');
    // A writer that learns nothing is no harm, as long as one won and nobody else believes to have.
    if (winners.length === 0 && refused !== undefined) throw refused.reason;
    const kept = (await collect(await storage.read(key, { signal }), 64)).toString();
    if (winners.length === 1 && winners[0] === kept) {
      return ok(`of ${racers} that created an object at once exactly one did`, { atomic: true });
    }
    const text = `of ${racers} that created an object at once ${winners.length} were told that they did`;
    return warn(text, advice, { atomic: false });
  });
}

async function create(write: () => Promise<void>): Promise<'created' | 'exists'> {
  try {
    await write();
    return 'created';
  } catch (error) {
    if (error instanceof ObjectExistsError) return 'exists';
    throw error;
  }
}
