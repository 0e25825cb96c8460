/** Prints the demo as a short story: numbered chapters, what was run, what it took. */

/** Tells the story on stdout. */
export interface Story {
  chapter(title: string): void;
  tell(line: string): void;
  /** Runs a step and tells how long it took. */
  step<T>(title: string, run: () => Promise<T>): Promise<T>;
}

/** A story that is written to `print`, line by line. */
export function openStory(print: (line: string) => void): Story {
  let chapters = 0;
  const story: Story = {
    chapter(title) {
      chapters += 1;
      print(`\n${chapters}. ${title}`);
    },
    tell(line) {
      print(`   ${line}`);
    },
    async step(title, run) {
      const started = performance.now();
      const result = await run();
      story.tell(`${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
      return result;
    },
  };
  return story;
}

/** `12345678` → `11.8 MiB`. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
