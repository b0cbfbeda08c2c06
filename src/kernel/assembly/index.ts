export { hashOf, isSame } from './bytes';
export { allocate, allocateZeros, release, room } from './memory';
