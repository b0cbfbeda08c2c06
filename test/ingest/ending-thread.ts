/** A thread that ends as soon as it is given a batch, as one does that the system ends. */
export default () => process.exit(7);
