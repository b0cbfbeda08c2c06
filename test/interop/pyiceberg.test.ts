/** The matrix of `docs/engines.md` for one writer: see matrix.ts. */
import { describeWith } from '../support/rig.ts';
import { matrixOf } from './matrix.ts';

describeWith(['s3', 'glue', 'trino', 'readers'], 'PyIceberg writes', () => matrixOf('pyiceberg'));
