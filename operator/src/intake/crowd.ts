/** With so many clients that wait, each is one of a crowd. */
const crowdFrom = 200

/** Whether very many clients wait to be looked at. Then what is written for all of them together is written more rarely. */
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
