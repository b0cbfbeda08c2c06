/** From the body of a message to the objects of the sources that it speaks of. Pure. */
import type { ConfiguredSource } from '../ingest/plan.ts';
import { parseMessage } from '../queue/s3-events.ts';

export interface RoutedObject {
  readonly source: ConfiguredSource;
  readonly uri: string;
  readonly etag: string | undefined;
  readonly size: number;
  readonly time: number | undefined;
}

export type Routed =
  | {
      readonly kind: 'objects';
      readonly objects: readonly RoutedObject[];
      /** Events that ask for nothing, by reason. */
      readonly ignored: { foreign: number; irrelevant: number; other: number };
      /** One of the foreign objects, to be shown. */
      readonly foreign: string | undefined;
    }
  | { readonly kind: 'malformed'; readonly reason: string };

/** `warehouse`: objects under this URI are ours and never input. */
export function routeEvents(body: string, sources: readonly ConfiguredSource[], warehouse: string): Routed {
  const parsed = parseMessage(body);
  if (parsed.kind === 'malformed') return parsed;
  const ignored = { foreign: 0, irrelevant: 0, other: 0 };
  if (parsed.kind === 'test') return { kind: 'objects', objects: [], ignored, foreign: undefined };
  ignored.other = parsed.ignored;
  const objects: RoutedObject[] = [];
  let foreign: string | undefined;
  for (const { bucket, key, etag, size, time } of parsed.objects) {
    const uri = `s3://${bucket}/${key}`;
    const source = sources.find(({ config }) => uri.startsWith(config.location));
    if (source === undefined || uri.startsWith(`${warehouse}/`)) {
      ignored.foreign++;
      foreign ??= uri;
    } else if (!source.source.describeObject(uri).relevant) ignored.irrelevant++;
    else objects.push({ source, uri, etag, size, time });
  }
  return { kind: 'objects', objects, ignored, foreign };
}
