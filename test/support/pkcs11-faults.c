/*
 * A PKCS#11 module of tests: another module with faults. It passes every call on to the module of FAULTS_MODULE; where
 * the file FAULTS_FILE says `FUNCTION FAULT`, the next call of that function takes the file away and does the fault:
 * a number (the return code, instead of a call), `hang`, `abort`, or `flip` (one bit of the result).
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkcs11.h"

static CK_FUNCTION_LIST real, ours;

/* The return code of a fault, or CKR_OK; `flips` where the call is to be made and its result to be spoilt. */
static CK_RV fault_of(const char *name, int *flips) {
  char function[32] = "", fault[32] = "";
  FILE *file = fopen(getenv("FAULTS_FILE"), "r");
  if (file == NULL) return CKR_OK;
  int fields = fscanf(file, "%31s %31s", function, fault);
  fclose(file);
  if (fields != 2 || strcmp(function, name) != 0 || unlink(getenv("FAULTS_FILE")) != 0) return CKR_OK;
  if (strcmp(fault, "hang") == 0)
    for (;;) pause();
  if (strcmp(fault, "abort") == 0) abort();
  if (strcmp(fault, "flip") == 0) {
    *flips = 1;
    return CKR_OK;
  }
  return strtoul(fault, NULL, 0);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length) {
  int flips = 0;
  CK_RV code = fault_of("C_Login", &flips);
  return code != CKR_OK ? code : real.C_Login(session, user, pin, length);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  int flips = 0;
  CK_RV code = fault_of("C_SignInit", &flips);
  return code != CKR_OK ? code : real.C_SignInit(session, mechanism, key);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR size) {
  int flips = 0;
  CK_RV code = fault_of("C_Sign", &flips);
  if (code == CKR_OK) code = real.C_Sign(session, data, length, out, size);
  if (flips && out != NULL) out[0] ^= 1;
  return code;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  if (ours.C_Sign == NULL) {
    void *library = dlopen(getenv("FAULTS_MODULE"), RTLD_NOW);
    CK_C_GetFunctionList get = library == NULL ? NULL : (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
    CK_FUNCTION_LIST_PTR found;
    if (get == NULL || get(&found) != CKR_OK) return CKR_GENERAL_ERROR;
    ours = real = *found;
    ours.C_Login = login;
    ours.C_SignInit = sign_init;
    ours.C_Sign = sign;
  }
  *list = &ours;
  return CKR_OK;
}
