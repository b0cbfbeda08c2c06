/** What docs/cost.md, docs/scale.md and the benchmarks reckon with: list prices of AWS and sizes as measured. */

/** Dollars in us-east-1, as known on 2026-11-29. */
export const prices = {
  /** S3 Standard, a GB and month. */
  storage: 0.023,
  /** S3 Glacier Instant Retrieval, a GB and month. */
  archive: 0.004,
  /** Moving an object to it, per 1,000. */
  transition: 0.02,
  /** PUT and LIST of S3, per 1,000. */
  put: 0.005,
  /** GET and HEAD of S3, per 1,000. */
  get: 0.0004,
  /** Athena, a TB scanned. */
  scanned: 5,
  /** Glue, 100,000 objects of the catalog and month above the first million. */
  partitions: 1,
  /** Fargate on ARM, a vCPU and hour. */
  cpu: 0.03238,
  /** Fargate on ARM, a GB of memory and hour. */
  memory: 0.00356,
} as const;

/** Of generated decisions (docs/benchmarks.md: 7 million in 4,834 MB of objects). */
export const sizes = {
  /** Bytes of a decision as Enterprise OPA writes it. */
  decision: 690,
  /** Bytes of a decision in the table, compacted. */
  stored: 73,
  /** Decisions in an object. */
  perObject: 2048,
} as const;
