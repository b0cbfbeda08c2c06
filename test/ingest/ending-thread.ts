/** A thread that ends as soon as it is given a batch, as one does that the system ends. */
import { parentPort } from 'node:worker_threads';

parentPort!.on('message', () => process.exit(7));
