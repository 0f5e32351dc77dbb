# A body for chain.yaml.
main:
  r1 = 3
  call add
  exit
add:
  r0 = r1
  r0 += 4
  exit
