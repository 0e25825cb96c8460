/**
 * The status as metrics in the text format of Prometheus, for the textfile collector of its node exporter. Names end in
 * their units, times are seconds since 1970. Format: prometheus.io, "Exposition formats", version 0.0.4.
 */

/** A value, and what tells it from the others of its metric. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  /** Undefined: not known, so that there is no such line. */
  readonly value: number | undefined;
}

/** One metric. */
export interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** All of which something is known, each with its help and type. */
export function metricsText(metrics: readonly Metric[]): string {
  return metrics.map(metricText).join('');
}

function metricText({ name, type, help, samples }: Metric): string {
  const lines = samples.flatMap(({ labels, value }) =>
    value === undefined ? [] : [`walvault_${name}${labelsText(labels)} ${value}\n`],
  );
  if (lines.length === 0) return '';
  return `# HELP walvault_${name} ${help}\n# TYPE walvault_${name} ${type}\n${lines.join('')}`;
}

function labelsText(labels: Sample['labels'] = {}): string {
  const escaped = (text: string): string =>
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** A metric that goes up and down. */
export function gauge(name: string, help: string, value: number | undefined | readonly Sample[]): Metric {
  return {
    name,
    type: 'gauge',
    help,
    samples: Array.isArray(value) ? value : [{ value: value as number | undefined }],
  };
}

/** Since 1970. */
export function seconds(time: Date | undefined): number | undefined {
  return time === undefined ? undefined : time.getTime() / 1000;
}
