/** Unpacks the backups of a chain, one after the other, each with its parts side by side. */
import { CorruptError } from '../../errors.ts';
import { pageBytes } from '../pages/page-scan.ts';
import { createPageMaps, type PageMaps } from '../pages/page-maps.ts';
import type { FetchedPart, FetchPartJob, WantedFiles } from '../backup/fetch-part.ts';
import { fetchPart } from '../backup/fetch-retry.ts';
import type { FetchRequest, FetchServices } from '../backup/fetch.ts';
import type { MemberPath } from '../backup/member-path.ts';
import type { RestoreLayout } from '../backup/restore-target.ts';
import type { ChainPlan, ChainStep } from './chain-plan.ts';

/** How to unpack. */
export interface UnpackRequest extends Pick<
  FetchRequest,
  'mask' | 'durable' | 'inPlace' | 'newestFirst' | 'restoreOnly'
> {
  readonly layout: RestoreLayout;
  /** Members that are not written. */
  readonly leaveOut: readonly MemberPath[];
}

const progressMs = 100;
/** What increments may be of where the backup does not say how large the cluster is. */
const unknownBytes = 2 ** 43;

/**
 * Unpacks everything that is planned.
 *
 * @returns what came of each backup, the newest first
 * @throws CorruptError when pages are in none of the backups; what unpacking a part throws
 */
export async function unpackChain(
  services: FetchServices,
  chain: ChainPlan,
  request: UnpackRequest,
): Promise<readonly [readonly FetchedPart[], ...(readonly FetchedPart[])[]]> {
  const { steps, names } = chain;
  const isChain = steps.length > 1;
  const size = steps[0].sentinel.dataDirectoryBytes ?? unknownBytes;
  const maps = names !== undefined && isChain && request.newestFirst ? createPageMaps(names.size, size) : undefined;
  const order = request.newestFirst ? steps : steps.toReversed();
  const fetched = new Map<ChainStep, readonly FetchedPart[]>();

  await using pool = services.openPool(Math.max(...steps.map(({ plan }) => plan.parts.length)));
  const progress = services.openProgress(steps.reduce((sum, { plan }) => sum + plan.totalBytes, 0));
  const shown = setInterval(() => {
    progress.update(pool.bytesDone());
  }, progressMs);
  try {
    for (const step of order) {
      const { backup, plan } = step;
      if (isChain)
        services.logger.info('unpacking', { backup, parts: plan.parts.length, storedBytes: plan.totalBytes });
      const parts = await unpackStep({ ...services, pool }, step, jobOf(chain, step, request, maps));
      // What nobody asked for is not missed, nor what is in place already.
      const isAll = request.restoreOnly === undefined && !request.inPlace;
      const unlisted = isAll ? parts.flatMap((part) => part.unlisted) : [];
      for (const name of unlisted) services.logger.warn('left out, the backup does not list it', { file: name });
      fetched.set(step, parts);
    }
  } finally {
    clearInterval(shown);
    progress.finish();
  }
  if (maps !== undefined) checkGaps(chain, maps);
  const [newest, ...older] = steps;
  return [fetched.get(newest) ?? [], ...older.map((step) => fetched.get(step) ?? [])];
}

function jobOf(
  { steps, names }: ChainPlan,
  step: ChainStep,
  { layout, mask, leaveOut, durable, inPlace }: UnpackRequest,
  maps: PageMaps | undefined,
): Omit<FetchPartJob, 'key'> {
  const wanted: WantedFiles | undefined =
    names === undefined || step.files === undefined
      ? undefined
      : { names: names.shared, files: step.files.shared, pageMaps: maps?.shared };
  return { kind: 'fetchPart', layout, mask, leaveOut, durable, inPlace, wanted, isNewest: step === steps[0] };
}

async function unpackStep(
  services: FetchServices & Parameters<typeof fetchPart>[0],
  { plan }: ChainStep,
  job: Omit<FetchPartJob, 'key'>,
): Promise<readonly FetchedPart[]> {
  const { logger } = services;
  return Promise.all(
    plan.parts.map(async ({ key }) => {
      const part = await fetchPart(services, { ...job, key });
      logger.debug('part unpacked', { key, files: part.filesWritten, bytes: part.memberBytes });
      return part;
    }),
  );
}

/** A page that no backup brought is not known: zeros in its place would be a guess. */
function checkGaps({ steps: [{ backup }], names }: ChainPlan, maps: PageMaps): void {
  for (const { file, firstPage, pages } of maps.gaps()) {
    const name = [...(names?.entries() ?? [])].find(([number]) => number === file)?.[1] ?? '?';
    throw new CorruptError(
      `no backup of the chain of "${backup}" has page ${firstPage} of "${name}" (${pages} pages of ${pageBytes} bytes are missing)`,
      { hint: 'Restore an older backup, such as the full one at the root of the chain, and recover from there.' },
    );
  }
}
