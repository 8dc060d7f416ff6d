/** From this many waiting clients on there is a crowd. */
const crowdFrom = 200

/** Tells whether very many clients wait for a look. Then shards are written less often. */
export class Crowd {
  #isThere = false

  get isThere(): boolean {
    return this.#isThere
  }

  /** @param waiting how many clients wait now
   *  @returns whether the crowd has just come to its end */
  record(waiting: number): boolean {
    const wasThere = this.#isThere
    this.#isThere = waiting >= crowdFrom
    return wasThere && !this.#isThere
  }
}
