#include "textflag.h"

#define EVERY(name, byte) \
	DATA name<>+0(SB)/1, $byte \
	GLOBL name<>(SB), RODATA, $1

EVERY(quote, 0x22)
EVERY(slash, 0x5C)
EVERY(controls, 0x1F) // and below

// MARK leaves in to a bit for each byte of x that markGo marks: x is a control character if
// min(x, 1F), without sign, is x.
#define MARK(x, to) \
	VPCMPEQB  Y8, x, Y2  \
	VPCMPEQB  Y9, x, Y3  \
	VPMINUB   Y10, x, Y4 \
	VPCMPEQB  x, Y4, Y4  \
	VPOR      Y2, Y3, Y3 \
	VPOR      Y3, Y4, Y4 \
	VPMOVMSKB Y4, to

// func markAVX2(text *byte, blocks int, marks *uint64)
// The AVX2 version of markGo. It reads whole blocks, and no more.
TEXT ·markAVX2(SB), NOSPLIT, $0-24
	MOVQ         text+0(FP), SI
	MOVQ         blocks+8(FP), CX
	MOVQ         marks+16(FP), DI
	VPBROADCASTB quote<>(SB), Y8
	VPBROADCASTB slash<>(SB), Y9
	VPBROADCASTB controls<>(SB), Y10

next:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	MARK(Y0, AX)
	MARK(Y1, BX)
	SHLQ $32, BX
	ORQ  BX, AX
	MOVQ AX, (DI)
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  next

	VZEROUPPER
	RET
