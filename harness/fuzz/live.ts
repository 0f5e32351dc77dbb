/** Registers in the order in which they came to hold a number: a set that can be asked for its nth. */
export class Live {
  private bits = 0;
  private order: number[] = [];

  get size(): number {
    return this.order.length;
  }

  has(reg: number): boolean {
    return ((this.bits >>> reg) & 1) === 1;
  }

  add(reg: number): void {
    if (this.has(reg)) return;
    this.bits |= 1 << reg;
    this.order.push(reg);
  }

  delete(reg: number): void {
    if (!this.has(reg)) return;
    this.bits &= ~(1 << reg);
    this.order.splice(this.order.indexOf(reg), 1);
  }

  nth(index: number): number {
    return this.order[index]!;
  }

  /** The registers now. */
  list(): readonly number[] {
    return this.order.slice();
  }

  copy(): Live {
    const copy = new Live();
    copy.bits = this.bits;
    copy.order = this.order.slice();
    return copy;
  }

  /** A copy without those that another does not have. */
  and(other: Live): Live {
    const both = new Live();
    for (const reg of this.order) if (other.has(reg)) both.add(reg);
    return both;
  }
}
