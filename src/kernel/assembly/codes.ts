/**
 * Numbers that the kernel and its host call things by. Read by both compilers, so it imports nothing and leaves the types
 * to be inferred (i32 there, number here).
 */

/** What a scanned value is. Int: an integer of at most 15 digits, so exact as a double. */
export const Tag_Absent = 0;
export const Tag_Null = 1;
export const Tag_True = 2;
export const Tag_False = 3;
export const Tag_Int = 4;
export const Tag_Number = 5;
export const Tag_String = 6;
/** A string with escapes in it. */
export const Tag_Escaped = 7;
export const Tag_Array = 8;
export const Tag_Object = 9;

/** How a value is taken apart: not at all, as an object with known members, as a map, as a list of strings. */
export const Shape_Raw = 0;
export const Shape_Object = 1;
export const Shape_Map = 2;
export const Shape_List = 3;

/** What a column of the record becomes: first those that are paths of it. */
export const Field_Json = 0;
export const Field_String = 1;
export const Field_Boolean = 2;
export const Field_Number = 3;
export const Field_Int = 4;
export const Field_Time = 5;
export const Field_Strings = 6;
export const Field_StringMap = 7;
export const Field_LongMap = 8;
/** A list of numbers or booleans. */
export const Field_Numbers = 9;
/** The last of those that are paths. */
export const Field_LastOfPath = 9;
/** Of the record as a whole. */
export const Field_Ymd = 16;
export const Field_EventTime = 17;
export const Field_Offset = 18;
export const Field_Extra = 19;
/** Of the object: the same in all of its rows. */
export const Field_ObjectText = 20;
export const Field_ObjectLong = 21;
/** Of an address: its key (records/address.ts). */
export const Field_IpKey = 24;
/** Of `address:port`. */
export const Field_Ip = 25;
export const Field_IpKeyOfPair = 26;
export const Field_Port = 27;
/** Milliseconds as a timestamp. */
export const Field_Millis = 28;
/** The halves of `hex:hex`, padded to 16 digits. */
export const Field_HexBefore = 29;
export const Field_HexAfter = 30;

/** What is made of the value of an alternative: taken as it is, whether it is empty, and so on. */
export const Action_Take = 0;
export const Action_Empty = 1;
export const Action_Present = 2;
export const Action_True = 3;
export const Action_False = 4;
export const Action_Join = 5;

/** What a column holds. */
export const Kind_Boolean = 0;
export const Kind_Int = 1;
export const Kind_Double = 2;
/** Also timestamps. */
export const Kind_Long = 3;
export const Kind_String = 4;
export const Kind_List = 5;
export const Kind_Map = 6;

/** What a record is beside those of its batch. */
export const Record_Duplicate = 0;
export const Record_New = 1;
export const Record_Conflict = 2;

/** How the values of a leaf are stored (parquet.thrift, enum Type), as far as it is read here. */
export const Physical_Boolean = 0;
export const Physical_Int32 = 1;
export const Physical_Int64 = 2;
export const Physical_Double = 5;
export const Physical_Text = 6;

/** Encodings of pages (parquet.thrift, enum Encoding). */
export const Encoding_Plain = 0;
export const Encoding_OldDictionary = 2;
export const Encoding_Rle = 3;
export const Encoding_DeltaBinary = 5;
export const Encoding_DeltaLength = 6;
export const Encoding_DeltaStrings = 7;
export const Encoding_Dictionary = 8;

/** What is wrong with a page. */
export const Fault_Varint = 1;
export const Fault_Values = 2;
export const Fault_EmptyRun = 3;
export const Fault_Count = 4;
export const Fault_Dictionary = 5;
export const Fault_Index = 6;
export const Fault_Prefix = 7;
export const Fault_Inside = 8;
export const Fault_Type = 9;
