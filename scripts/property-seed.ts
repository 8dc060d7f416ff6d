// Loaded before the tests: every property generates its cases from PROPERTY_SEED, if that is set.
import { configureGlobal } from 'fast-check'

const { PROPERTY_SEED } = process.env
if (PROPERTY_SEED !== undefined) configureGlobal({ seed: Number(PROPERTY_SEED) })
