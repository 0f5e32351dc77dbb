export { Model, type NativeModel, type NativeThrow, Series, type SeriesSetup } from '../native';
