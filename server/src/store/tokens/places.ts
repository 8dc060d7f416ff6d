/** SQL, of a row of `attempts`: its places that have not ended. */
export const livePlaces = 'ARRAY(SELECT place FROM unnest(attempts.places) place WHERE place > clock_timestamp())'
