/** What all properties begin with (thorough.ts); one that fails says its seed. */
import fc from 'fast-check';
import { propertyRuns, propertySeed } from './thorough.ts';

fc.configureGlobal({ seed: propertySeed, numRuns: Math.max(100, propertyRuns(100)) });
