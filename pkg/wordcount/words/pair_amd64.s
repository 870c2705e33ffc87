#include "textflag.h"

// func pairAVX2(text *byte, n int, p pair) int
// The AVX2 version of indexGo for a text of n+1 bytes, n at least 32. The last block overlaps the one before,
// which had no pair.
TEXT ·pairAVX2(SB), NOSPLIT, $0-32
	MOVQ         text+0(FP), SI
	MOVQ         n+8(FP), CX
	VPBROADCASTB p_first+16(FP), Y8
	VPBROADCASTB p_second+17(FP), Y9
	VPBROADCASTB p_other+18(FP), Y10
	LEAQ         -32(CX), DX // where the last block begins
	XORQ         AX, AX

block:
	VMOVDQU   (SI)(AX*1), Y0
	VMOVDQU   1(SI)(AX*1), Y1
	VPCMPEQB  Y8, Y0, Y0
	VPCMPEQB  Y9, Y1, Y2
	VPCMPEQB  Y10, Y1, Y1
	VPOR      Y1, Y2, Y1
	VPAND     Y0, Y1, Y0
	VPMOVMSKB Y0, BX
	TESTL     BX, BX
	JNZ       found
	CMPQ      AX, DX
	JEQ       none
	ADDQ      $32, AX
	CMPQ      AX, DX
	JLS       block
	MOVQ      DX, AX
	JMP       block

found:
	BSFL BX, BX
	ADDQ BX, AX
	MOVQ AX, ret+24(FP)
	VZEROUPPER
	RET

none:
	MOVQ CX, ret+24(FP)
	VZEROUPPER
	RET
