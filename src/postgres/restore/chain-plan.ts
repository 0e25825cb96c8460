/** Decides what is taken from which backup of a chain: each file whole from the newest backup that has it so, and increments of newer ones. */
import { CorruptError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { readContents } from '../backup/backup-contents.ts';
import { planFetch, type BackupContents, type FetchPlan } from '../backup/fetch-plan.ts';
import { memberPath, type MemberPath } from '../backup/member-path.ts';
import { BrokenChainError, inChain, type ChainLink } from './chain.ts';
import { createNameSet, type NameSet } from './name-set.ts';
import { createStepFiles, type StepFiles } from './step-files.ts';

/** What is unpacked of one backup. */
export interface ChainStep extends ChainLink {
  readonly plan: FetchPlan;
  /** By the numbers of the names; undefined: everything, of a backup that has no list of its files. */
  readonly files: StepFiles | undefined;
}

/** What is unpacked of all of them. */
export interface ChainPlan {
  /** The newest backup first. */
  readonly steps: readonly [ChainStep, ...ChainStep[]];
  /** All files of the restored cluster; undefined when nobody recorded them. */
  readonly names: NameSet | undefined;
}

/** What planning needs. */
export interface ChainPlanServices {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Parts that hold nothing that is needed are left out. */
  readonly skipRedundantParts: boolean;
  /** Which files are wanted at all; default: all. */
  readonly isWanted?: ((path: MemberPath) => boolean) | undefined;
}

/**
 * Reads the lists of files of all backups of a chain, one after the other.
 *
 * @param chain the newest first
 * @throws BrokenChainError when a file is nowhere whole; CorruptError when a backup is damaged
 */
export async function planChain(services: ChainPlanServices, chain: readonly ChainLink[]): Promise<ChainPlan> {
  const [newest, ...older] = chain;
  if (newest === undefined) throw new TypeError('a chain of no backups');
  const { skipRedundantParts, isWanted = () => true } = services;
  const contents = await readContents(services.transport, newest.backup, {
    ...services,
    sentinel: newest.sentinel,
    isNeeded: (name) => isWanted(memberPath(name)),
  });
  const plan = planFetch(contents, { isNewest: true, onlyNeeded: skipRedundantParts });
  if (contents.files === undefined) {
    if (older.length === 0) return { steps: [{ ...newest, plan, files: undefined }], names: undefined };
    throw new CorruptError(`delta backup "${newest.backup}" has no list of its files`);
  }
  const names = createNameSet((plan.wanted ?? []).filter(isWanted));
  const needs = new Needs(names);
  const steps: [ChainStep, ...ChainStep[]] = [{ ...newest, plan, files: needs.take(newest, contents) }];
  for (const link of older) {
    try {
      steps.push(await planOlder(services, link, needs));
    } catch (error) {
      throw inChain(link, newest.backup, error);
    }
  }
  return { steps, names };
}

async function planOlder(services: ChainPlanServices, link: ChainLink, needs: Needs): Promise<ChainStep> {
  const contents = await readContents(services.transport, link.backup, {
    ...services,
    sentinel: link.sentinel,
    isNeeded: (name) => needs.has(name),
  });
  const plan = planFetch(contents, { isNewest: false, onlyNeeded: services.skipRedundantParts });
  const files = needs.take(link, contents);
  return { ...link, plan: files.planned === 0 ? { ...plan, parts: [], totalBytes: 0 } : plan, files };
}

/** The files that are still looked for while one goes from the newest backup to the oldest. */
class Needs {
  readonly #names: NameSet;
  /** 1: to be found in this backup or an older one. */
  readonly #open: Uint8Array;

  constructor(names: NameSet) {
    this.#names = names;
    this.#open = new Uint8Array(names.size).fill(1);
  }

  has(name: string): boolean {
    const number = this.#names.numberOf(memberPath(name));
    return number !== undefined && this.#open[number] === 1;
  }

  /** Takes from a backup what it has of them; what it has whole is needed no longer. */
  take({ backup, sentinel }: ChainLink, contents: BackupContents): StepFiles {
    const taken = createStepFiles(this.#names.size);
    const isDelta = sentinel.kind === 'delta';
    const found = new Uint8Array(this.#names.size);
    // A backup without a list has everything.
    const listed = contents.files ?? [...this.#names.entries()].map(([, name]) => name);
    for (const name of listed) {
      const number = this.#names.numberOf(memberPath(name));
      if (number === undefined || this.#open[number] !== 1 || found[number] === 1) continue;
      found[number] = 1;
      const isIncrement = isDelta && contents.increments.has(name);
      const isSkipped = isDelta && contents.skipped.has(name);
      if (isIncrement && isSkipped)
        throw new CorruptError(`backup "${backup}" calls "${name}" skipped and an increment`);
      if (!isSkipped) taken.plan(number, isIncrement ? 'increment' : 'whole');
      if (!isIncrement && !isSkipped) this.#open[number] = 0;
    }
    const lost = this.#open.findIndex((isOpen, number) => isOpen === 1 && found[number] === 0);
    if (lost >= 0) throw new BrokenChainError(backup, `lacks "${this.#nameOf(lost)}", on which a newer one builds`);
    return taken;
  }

  #nameOf(wanted: number): string {
    for (const [number, name] of this.#names.entries()) if (number === wanted) return name;
    return '?';
  }
}
