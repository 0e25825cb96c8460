/** A status in every form that it is shown in. */
import type { Problem } from '../../catalog/status/problem.ts';

/** Each form is made when it is asked for. */
export interface ShownStatus {
  readonly now: Date;
  readonly problems: readonly Problem[];
  /** For the terminal. */
  text(): string;
  /** One object of JSON, without a line end. */
  json(): string;
  /** One document of HTML. */
  page(): string;
  /** In the text format of Prometheus. */
  metrics(): string;
}

/** What to look at. */
export interface StatusRequest {
  /** Leave the server alone. */
  readonly storageOnly: boolean;
}
