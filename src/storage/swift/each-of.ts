/** The same for many, some at the same time. */

const atOnce = 32;

/** Does something for each; the first failure ends it, once what is under way has ended. */
export async function eachOf<T>(items: Iterable<T>, act: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  let failed = false;
  const some = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true && !failed; next = left.next()) {
      try {
        await act(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, some));
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
}
